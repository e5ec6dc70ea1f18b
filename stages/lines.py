"""Text lines and reading order of boxes."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

__all__ = ["reading_order"]

_LEAST_OVERLAP = 0.5  # of the lower box's height
_LARGEST_GAP = 2.0  # between neighbours, in units of the higher box's height
_LARGEST_RATIO = 2.0  # of heights


def reading_order(rects: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Return the order in which boxes are read, and the index of the line of each in that order.

    Boxes are of one line when they stand side by side: they share half of the lower one's height,
    are of similar height, and no gap wider than twice the height lies between neighbours. Lines
    are read from top to bottom, and within a line from left to right.

    Args:
        rects: [N, 4], left, top, right, bottom in pixels.
    """
    if len(rects) == 0:
        return [], []
    count, line_of = connected_components(_side_by_side(rects), directed=False)
    tops = np.full(count, np.inf)
    np.minimum.at(tops, line_of, rects[:, 1])
    lefts = np.full(count, np.inf)
    np.minimum.at(lefts, line_of, rects[:, 0])
    rank = np.empty(count, np.intp)
    rank[np.lexsort((lefts, tops))] = np.arange(count)
    lines = rank[line_of]
    order = np.lexsort((rects[:, 1], rects[:, 0], lines))
    return order.tolist(), lines[order].tolist()


def _side_by_side(rects: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pairs of boxes are neighbours on a line, bool [N, N]."""
    left, top, right, bottom = (edge[:, None] for edge in rects.T)
    height = np.maximum(bottom - top, 1e-9)
    lower, higher = np.minimum(height, height.T), np.maximum(height, height.T)
    overlap = np.minimum(bottom, bottom.T) - np.maximum(top, top.T)
    gap = np.maximum(left, left.T) - np.minimum(right, right.T)
    near: NDArray[np.bool_] = (
        (overlap >= _LEAST_OVERLAP * lower)
        & (higher <= _LARGEST_RATIO * lower)
        & (gap <= _LARGEST_GAP * higher)
    )
    return near
