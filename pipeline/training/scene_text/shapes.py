"""Outlines of arrows and icons in the unit square, and how an outline gets onto the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def _ring(count: int, inner: float = 0.5, turn: float = 0.0) -> Points:
    angle = np.arange(count) * 2 * np.pi / count + turn
    reach = np.where(np.arange(count) % 2, inner, 0.5)
    return np.stack([0.5 + reach * np.sin(angle), 0.5 - reach * np.cos(angle)], 1)


def _points(*coordinates: float) -> Points:
    return np.array(coordinates, np.float64).reshape(-1, 2) / 10


OUTLINES: tuple[Points, ...] = (
    _points(0, 4, 6, 4, 6, 1, 10, 5, 6, 9, 6, 6, 0, 6),
    _points(10, 4, 4, 4, 4, 1, 0, 5, 4, 9, 4, 6, 10, 6),
    _points(4, 10, 4, 4, 1, 4, 5, 0, 9, 4, 6, 4, 6, 10),
    _points(0, 4.4, 7, 4.4, 5, 2, 6.5, 2, 10, 5, 6.5, 8, 5, 8, 7, 5.6, 0, 5.6),
    _points(0, 0, 4, 0, 9, 5, 4, 10, 0, 10, 5, 5),
    _points(5, 0.7, 10, 9.3, 0, 9.3),
    _points(4, 0, 6, 0, 6, 4, 10, 4, 10, 6, 6, 6, 6, 10, 4, 10, 4, 6, 0, 6, 0, 4, 4, 4),
    _points(5, 0, 10, 5, 9, 5, 9, 10, 1, 10, 1, 5, 0, 5),
    _points(5, 0, 10, 5, 5, 10, 0, 5),
    _points(0, 0, 10, 0, 10, 10, 0, 10),
    _points(0, 3.5, 10, 3.5, 10, 6.5, 0, 6.5),
    _ring(24),
    _ring(10, 0.22),
    _ring(16, 0.38),
    _ring(6),
    _ring(8, 0.5, np.pi / 8),
)


def polygon_mask(outline: Points, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Smooth coverage [h, w] of a polygon [n, 2] in picture coordinates."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [_fixed_point(outline)], 255, cv2.LINE_AA, 4)
    return mask


def fill(
    rgb: NDArray[np.uint8] | NDArray[np.float32], outline: Points, colour: NDArray[np.float64]
) -> None:
    """Fill a polygon [n, 2] of the picture `rgb` [H, W, 3] with an opaque colour, in place."""
    # Smooth edges are for bytes only; other pictures get hard ones.
    edge = cv2.LINE_AA if rgb.dtype == np.uint8 else cv2.LINE_8
    cv2.fillPoly(rgb, [_fixed_point(outline)], tuple(map(float, colour)), edge, 4)


def _fixed_point(outline: Points) -> NDArray[np.int32]:
    # Whole numbers are pixel centres in OpenCV, pixel corners here; far points would overflow.
    return np.round((np.clip(outline, -9000, 9000) - 0.5) * 16).astype(np.int32)
