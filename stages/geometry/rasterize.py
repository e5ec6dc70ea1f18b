"""Polygons as pixels: the pixels that each polygon covers, and the mask of all polygons."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..scratch import forget, zeros

Polygon = Sequence[tuple[float, float]]
Rect = tuple[int, int, int, int]

_AT_ONCE = 1000  # shapes; after so many, an array that lies in a file is taken out of memory


def covered(polygon: Polygon, rect: Rect) -> NDArray[np.bool_]:
    """Return which pixels of a rectangle have their centres inside a polygon, bool [h, w].

    If a thin polygon contains no centre, all pixels of the rectangle are returned. The function
    works row by row, and counts the edges to the left of each pixel (even-odd rule).
    skimage.draw.polygon tests every pixel and takes ten times as long. OpenCV adds half a pixel all
    around.

    Args:
        polygon: corners (x, y) in pixels.
        rect: the pixels around the polygon: left, top, right, bottom, half-open.
    """
    left, top, right, bottom = rect
    begin = np.array(polygon) - (left, top)
    end = np.roll(begin, -1, axis=0)
    middle = np.arange(bottom - top)[:, None] + 0.5
    row, edge = np.nonzero((begin[:, 1] <= middle) != (end[:, 1] <= middle))
    share = (row + 0.5 - begin[edge, 1]) / (end[edge, 1] - begin[edge, 1])
    x = begin[edge, 0] + share * (end[edge, 0] - begin[edge, 0])
    crossed = np.zeros((bottom - top, right - left + 1), np.uint8)
    np.add.at(crossed, (row, np.ceil(x - 0.5).astype(np.intp)), 1)
    shape = (np.cumsum(crossed[:, :-1], axis=1, dtype=np.uint8) & 1).view(np.bool_)
    return shape if shape.any() else np.ones_like(shape)


def filled(
    shapes: Iterable[tuple[int, Polygon, Rect]], maps: int, picture: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return the pixels inside shapes. A pixel in several shapes belongs to the last one.

    Args:
        shapes: per shape the index of its map, its polygon and its rectangle, see `covered`.
        maps: K, the number of maps.
        picture: width and height in pixels.

    Returns:
        Bool [K, H, W], each pixel in at most one map. A large array lies in a file, see `scratch`.
    """
    width, height = picture
    values: NDArray[np.bool_] = zeros((maps, height, width), np.bool_)
    for count, (number, polygon, rect) in enumerate(shapes, start=1):
        left, top, right, bottom = rect
        window = values[:, top:bottom, left:right]
        inside = covered(polygon, rect)
        # Indexing by `inside` would take 16 bytes for each of its pixels.
        window &= ~inside
        window[number] |= inside
        if count % _AT_ONCE == 0:
            forget(values)
    forget(values)
    return values
