"""Colours of ink and signs; RGB as float64 [3], 0..255."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from .chance import chance, pick, uniform

Colour = NDArray[np.float64]
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

# Paper and ink of signs as they are seen in streets.
SIGNS = (
    *(((245, 245, 240), (20, 20, 25)), ((20, 60, 140), (245, 245, 245))),
    *(((0, 105, 70), (240, 245, 240)), ((250, 205, 20), (15, 15, 15))),
    *(((185, 25, 30), (250, 250, 245)), ((25, 25, 28), (240, 235, 225))),
    *(((240, 240, 235), (180, 25, 30)), ((240, 240, 235), (25, 70, 150))),
    *(((110, 65, 35), (245, 240, 225)), ((235, 120, 20), (20, 20, 20))),
    *(((60, 62, 66), (235, 235, 235)), ((225, 215, 190), (70, 45, 30))),
)


def contrast(first: Colour, second: Colour) -> float:
    """How far two colours are apart: in lightness, or half as much in any one channel."""
    apart = np.abs(first - second)
    return float(max(abs((first - second) @ LUMA), apart.max() / 2))


def any_colour(rng: np.random.Generator) -> Colour:
    """Grey about as often as bright."""
    if chance(rng, 0.45):
        level = 255 * (uniform(rng, 0, 0.25) if chance(rng, 0.5) else uniform(rng, 0.75, 1))
        return np.clip(level + 6 * rng.standard_normal(3), 0, 255)
    saturation, value = uniform(rng, 0.15, 1), uniform(rng, 0.15, 1)
    return 255 * np.array(colorsys.hsv_to_rgb(uniform(rng, 0, 1), saturation, value))


def contrasting(rng: np.random.Generator, below: Colour, least: float) -> Colour:
    """A colour at least so far from the one below it, if there is one."""
    for _ in range(12):
        colour = any_colour(rng)
        if contrast(colour, below) >= least:
            return colour
    return np.full(3, 12.0 if below @ LUMA > 127 else 245.0)


def sign_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Paper and ink of a sign, at times the other way round, never quite the same twice."""
    if chance(rng, 0.35):
        paper = any_colour(rng)
        return paper, contrasting(rng, paper, uniform(rng, 45, 150))
    pair = np.array(pick(rng, SIGNS), np.float64)
    pair = np.clip(pair + 14 * rng.standard_normal((2, 3)), 0, 255)
    return (pair[1], pair[0]) if chance(rng, 0.2) else (pair[0], pair[1])
