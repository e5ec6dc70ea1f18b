"""Turns a coverage mask into colour: fill, outline, shadow, depth, wear."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .chance import chance, normal, uniform
from .colours import Colour, contrasting
from .pose import Patch
from .texture import clouds

Layer = NDArray[np.float32]


@dataclass(frozen=True)
class Ink:
    """A way to colour letters; lengths in units of the em, 0 where an effect is absent."""

    colour: Colour
    second: Colour
    opacity: float = 1.0
    grain: float = 0.0
    hollow: float = 0.0
    outline: float = 0.0
    shadow: tuple[float, float, float] = (0.0, 0.0, 0.0)
    depth: tuple[float, float] = (0.0, 0.0)
    worn: float = 0.0
    softness: float = 0.0
    glow: float = 0.0
    sideways: bool = False


def choose_ink(rng: np.random.Generator, colour: Colour, em: float) -> Ink:
    """Effects for letters of `em` pixels; small letters are plain, as on real signs."""
    big = em >= 22
    gradient = big and chance(rng, 0.15)
    second = np.clip(colour + 60 * rng.standard_normal(3), 0, 255) if gradient else colour
    outline = uniform(rng, 0.02, 0.07) if big and chance(rng, 0.10) else 0.0
    if outline:
        second = contrasting(rng, colour, 70)
    angle = uniform(rng, 0, 2 * np.pi)
    reach = uniform(rng, 0.03, 0.10)
    toward = (reach * np.cos(angle), reach * np.sin(angle))
    return Ink(
        colour,
        second,
        opacity=uniform(rng, 0.45, 0.9) if chance(rng, 0.10) else 1.0,
        grain=uniform(rng, 8, 50) if chance(rng, 0.15) else 0.0,
        hollow=uniform(rng, 0.02, 0.045) if em >= 40 and not outline and chance(rng, 0.06) else 0.0,
        outline=outline,
        shadow=(*toward, uniform(rng, 0.3, 0.8)) if big and chance(rng, 0.14) else (0, 0, 0),
        depth=toward if em >= 30 and chance(rng, 0.08) else (0, 0),
        worn=uniform(rng, 0.1, 0.4) if big and chance(rng, 0.06) else 0.0,
        glow=uniform(rng, 0.3, 0.9) if big and chance(rng, 0.07) else 0.0,
        sideways=chance(rng, 0.4),
        softness=abs(normal(rng, 0.025)) if chance(rng, 0.15) else 0.0,
    )


def lay_ink(
    rgb: NDArray[np.uint8], patch: Patch, ink: Ink, em: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Colour the letters of a patch of the picture `rgb` [H, W, 3], in place.

    `em` is the size of the letters in pixels of the picture. `rng` decides about grain and wear.

    Returns:
        Coverage uint8 [h, w] of the ink that shows, as large as the patch.
    """
    cover = _letters(patch.cover, ink, em, rng)
    view = rgb[patch.window]
    layer = view.astype(np.float32)
    if ink.shadow[2]:
        soft = cv2.GaussianBlur(_moved(cover, ink.shadow, em), (0, 0), 0.4 + 0.03 * em)
        _blend(layer, np.asarray(soft, np.uint8), np.zeros(3), ink.shadow[2])
    if ink.glow:
        halo = cv2.GaussianBlur(cover, (0, 0), 1 + 0.07 * em)
        _blend(layer, np.asarray(halo, np.uint8), ink.colour, ink.glow)
    if any(ink.depth):
        _blend(layer, _swept(cover, ink.depth, em), ink.colour * 0.4, ink.opacity)
    if ink.outline:
        wide = cv2.dilate(cover, _disc(ink.outline * em))
        _blend(layer, np.asarray(wide, np.uint8), ink.second, ink.opacity)
    _blend(layer, cover, _colours(ink, cover.shape, rng), ink.opacity)
    view[:] = np.clip(layer, 0, 255).astype(np.uint8)
    return cover


def _letters(
    cover: NDArray[np.uint8], ink: Ink, em: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    if ink.softness:
        cover = np.asarray(
            cv2.GaussianBlur(cover, (0, 0), min(0.3 + ink.softness * em, 2.5)), np.uint8
        )
    if ink.hollow:
        cover = cv2.subtract(cover, cv2.erode(cover, _disc(ink.hollow * em))).astype(np.uint8)
    if ink.worn:
        holes = clouds(rng, cover.shape, max(2, round(em / 12))) < 3 * ink.worn - 1.9
        cover = np.where(holes, 0, cover).astype(np.uint8)
    return cover


def _colours(
    ink: Ink, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float32] | Colour:
    """One colour [3], or one per pixel [h, w, 3]."""
    fade = not ink.outline and ink.second is not ink.colour
    if not fade and not ink.grain:
        return ink.colour
    along = np.linspace(0, float(fade), shape[ink.sideways])
    share = along[None, :, None] if ink.sideways else along[:, None, None]
    colours = ink.colour + share * (ink.second - ink.colour)
    if ink.grain:
        colours = colours + ink.grain * clouds(rng, shape, 5)[..., None]
    return np.broadcast_to(np.clip(colours, 0, 255).astype(np.float32), (*shape[:2], 3))


def _blend(
    layer: Layer,
    cover: NDArray[np.uint8],
    colour: NDArray[np.float32] | Colour,
    opacity: float,
) -> None:
    share = cover.astype(np.float32)[..., None] * np.float32(opacity / 255)
    layer += share * (colour.astype(np.float32) - layer)


def _moved(cover: NDArray[np.uint8], toward: tuple[float, ...], em: float) -> NDArray[np.uint8]:
    matrix = np.array([[1, 0, toward[0] * em], [0, 1, toward[1] * em]])
    moved = cv2.warpAffine(cover, matrix, cover.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(moved, np.uint8)


def _swept(cover: NDArray[np.uint8], toward: tuple[float, float], em: float) -> NDArray[np.uint8]:
    """All places that the letters pass on their way: the sides of letters cut from thick board."""
    steps = int(np.ceil(np.hypot(*toward) * em)) + 1
    swept = cover
    for part in np.linspace(0, 1, min(steps, 12))[1:]:
        swept = np.maximum(swept, _moved(cover, toward, em * float(part)))
    return swept


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
