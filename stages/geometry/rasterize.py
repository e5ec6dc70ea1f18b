"""Polygons as pixels: the pixels that each polygon covers, and the mask of all polygons."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..scratch import forget, zeros

Polygon = Sequence[tuple[float, float]]
Rect = tuple[int, int, int, int]

_AT_ONCE = 1000  # shapes, until what lies in a file is taken out of memory


def covered(polygon: Polygon, rect: Rect) -> NDArray[np.bool_]:
    """Return which pixels of a rectangle have their centre inside a polygon, bool [h, w].

    If the polygon is so thin that it lies between the centres, these are all pixels. It works row
    by row, by the parity of the edges to the left. skimage.draw.polygon asks for every pixel and
    takes ten times as long, and OpenCV adds half a pixel all around.

    Args:
        polygon: corners (x, y) in pixels.
        rect: the pixels around it: left, top, right, bottom, half-open.
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
    """Return the pixels inside of shapes; where shapes meet, the last one has the pixel.

    Args:
        shapes: per shape the index of its map, its polygon and its rectangle, see `covered`.
        maps: K, how many there are.
        picture: width and height in pixels.

    Returns:
        Bool [K, H, W], at most one map per pixel; in a file if it is large, see `scratch`.
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
