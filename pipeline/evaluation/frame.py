"""From the stored pixel grid of a picture to its upright frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .overlaps import Polygon

__all__ = ["to_upright"]


def to_upright(polygon: Polygon, orientation: int, stored_size: tuple[int, int]) -> Polygon:
    """Move a polygon the way that applying the EXIF orientation moves the pixels.

    Args:
        polygon: float64 [k, 2] in stored pixels.
        orientation: EXIF tag 274, 1..8.
        stored_size: Stored width and height in pixels.

    Returns:
        float64 [k, 2] in pixels of the upright picture.
    """
    x, y = polygon.T
    flipped_x, flipped_y = stored_size[0] - x, stored_size[1] - y
    upright = {
        1: (x, y),
        2: (flipped_x, y),
        3: (flipped_x, flipped_y),
        4: (x, flipped_y),
        5: (y, x),
        6: (flipped_y, x),
        7: (flipped_y, flipped_x),
        8: (y, flipped_x),
    }[orientation]
    return np.stack(upright, axis=1)
