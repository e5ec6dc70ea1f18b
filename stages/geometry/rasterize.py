"""Boxes as pixels: which of them each box covers, and the mask of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..threshold import Mask
from .grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .box import Box

__all__ = ["covered", "filled"]


def covered(box: Box) -> NDArray[np.bool_]:
    """Return which pixels of a box's rectangle have their centre inside its polygon, bool [h, w].

    All of them, if the polygon is so thin that it lies between the centres. Row by row, by the
    parity of the edges to the left: skimage.draw.polygon asks for every pixel, in ten times the
    time, and OpenCV adds half a pixel all around.
    """
    left, top, right, bottom = box.rect
    begin = np.array(box.polygon) - (left, top)
    end = np.roll(begin, -1, axis=0)
    middle = np.arange(bottom - top)[:, None] + 0.5
    row, edge = np.nonzero((begin[:, 1] <= middle) != (end[:, 1] <= middle))
    share = (row + 0.5 - begin[edge, 1]) / (end[edge, 1] - begin[edge, 1])
    x = begin[edge, 0] + share * (end[edge, 0] - begin[edge, 0])
    crossed = np.zeros((bottom - top, right - left + 1), np.uint8)
    np.add.at(crossed, (row, np.ceil(x - 0.5).astype(np.intp)), 1)
    shape = (np.cumsum(crossed[:, :-1], axis=1, dtype=np.uint8) & 1).view(np.bool_)
    return shape if shape.any() else np.ones_like(shape)


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
        # Indexing by `inside` would take 16 bytes for each of its pixels.
        window &= ~inside
        window[labels.index(box.label)] |= inside
    return Mask(values, labels, Grid((height, width), (1, 1), (0.5, 0.5), picture))
