"""Boxes as pixels: which of them each box covers, and the mask of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import skimage.draw
from numpy.typing import NDArray

from .grid import Grid
from .threshold import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .boxes import Box

__all__ = ["covered", "filled"]


def covered(box: Box) -> NDArray[np.bool_]:
    """Return which pixels of a box's rectangle have their centre inside its polygon, bool [h, w].

    All of them, if the polygon is so thin that it lies between the centres.
    """
    left, top, right, bottom = box.rect
    corners = np.array(box.polygon) - (left, top) - 0.5
    size = (bottom - top, right - left)
    shape = np.zeros(size, np.bool_)
    shape[skimage.draw.polygon(corners[:, 1], corners[:, 0], size)] = True
    return shape if shape.any() else np.ones(size, np.bool_)


def filled(boxes: Sequence[Box], labels: tuple[str, ...], picture: tuple[int, int]) -> Mask:
    """Return the pixels inside of boxes; where boxes of several labels meet, the best score has it.

    Args:
        boxes: in pixels of the upright picture.
        labels: of the mask, K of them.
        picture: width and height in pixels.

    Returns:
        Bool [K, H, W], a cell for every pixel, at most one label each.
    """
    width, height = picture
    values = np.zeros((len(labels), height, width), np.bool_)
    for box in sorted(boxes, key=lambda box: box.score):
        left, top, right, bottom = box.rect
        window = values[:, top:bottom, left:right]
        inside = covered(box)
        window[:, inside] = False
        window[labels.index(box.label), inside] = True
    return Mask(values, labels, Grid((height, width), (1, 1), (0.5, 0.5), picture))
