"""The colours of scores: blue for 0.5 or less, green for 1. The page of a report has the same."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

LOWEST: Final = 0.5
"""Colours differ only above this score; boxes with lower scores are rare."""
_ENDS: Final = (
    (0x2F, 0x7B, 0xFF),
    (0x00, 0xFF, 0x66),
)  # rare in photographs, not in heat

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB to OKLab.
_TO_CONES: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def score_colour(score: float) -> tuple[int, int, int]:
    """Return the colour of a score, sRGB 0..255."""
    share = min(1.0, max(0.0, (score - LOWEST) / (1 - LOWEST)))
    red, green, blue = score_ramp()[round(share * 255)].tolist()
    return red, green, blue


@cache
def score_ramp() -> NDArray[np.uint8]:
    """Return the colours from LOWEST to 1, uint8 [256, 3] sRGB; equal steps look equally large."""
    first, last = (_to_lab(np.array(end) / 255) for end in _ENDS)
    shares = np.linspace(0, 1, 256)[:, None]
    return np.asarray(np.rint(255 * _to_srgb(first + shares * (last - first))), np.uint8)


def _to_lab(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T)


def _to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    cones = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(cones @ np.linalg.inv(_TO_CONES).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
