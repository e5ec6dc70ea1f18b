"""Makes pictures smaller, also pictures in files that do not fit into memory."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..scratch import forget, lies_in_file, zeros

_ROWS: Final = 128
"""Rows of a picture in a file that are read together. They take 12 bytes per pixel."""


def shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture at a smaller size: every pixel is the mean of the area that it covers.

    A picture in a file is read from top to bottom, and is not kept in memory.

    Args:
        picture: uint8 [H, W, C].
        size: width and height of the result, in pixels.
    """
    width, height = size
    if not lies_in_file(picture):
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8).reshape(height, width, -1)
    found: NDArray[np.uint8] = zeros((height, width, picture.shape[2]), np.uint8)
    step = len(picture) / height
    at_once = max(1, int(_ROWS / step))
    for top in range(0, height, at_once):
        bottom = min(height, top + at_once)
        first, last = int(top * step), min(len(picture), math.ceil(bottom * step))
        rows = cv2.resize(
            picture[first:last].astype(np.float32),
            (width, last - first),
            interpolation=cv2.INTER_AREA,
        )
        forget(picture)
        edges = np.arange(top, bottom + 1) * step
        begin, end = edges[:-1, None], edges[1:, None]
        row = np.arange(first, last)
        share = np.clip(np.minimum(end, row + 1) - np.maximum(begin, row), 0, None) / step
        means = share.astype(np.float32) @ rows.reshape(last - first, -1)
        found[top:bottom] = np.rint(means).reshape(bottom - top, width, -1)
        forget(found)
    return found
