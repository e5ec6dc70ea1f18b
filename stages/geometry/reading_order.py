"""Text lines and reading order of boxes, at any angle."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_LEAST_OVERLAP = 0.5  # of the lower one's height
_LARGEST_GAP = 1.5  # between neighbours on a line, in units of the higher one's height
_LARGEST_RATIO = 2.0  # of heights
_LARGEST_LEADING = 1.0  # between lines of a block, in units of the lower one's height
_REACH = 4.0  # heights around a rectangle: by these rules, nothing near it lies further away


def reading_order(corners: Floats) -> tuple[list[int], list[int]]:
    """Return the order in which boxes are read, and the index of the line of each in that order.

    `corners` [N, 4, 2] are those of rectangles in pixels, clockwise from the top-left one in
    reading direction. Boxes follow each other on a line if they stand side by side. Seen along the
    longer one, they share half of the lower one's height, are of similar height, and stand less
    than one and a half heights apart. Each has at most one neighbour on either side, the nearest,
    so that a slanted or tall box does not tie two lines together. Lines that stand close below each
    other are a block, read from its first line to its last. Blocks are read by recursive XY cuts
    (Nagy and Seth 1984): from top to bottom, and blocks beside each other from left to right.
    """
    if len(corners) == 0:
        return [], []
    boxes = _frames(corners)
    line_of = _groups(_neighbours(boxes))
    lines = _around(boxes, line_of)
    block_of = _groups(_below_each_other(lines))
    rank = np.empty(len(lines.centre), np.intp)
    rank[_line_order(lines, block_of)] = np.arange(len(rank))
    # To a millionth of a pixel: rounding errors are no order.
    along = np.einsum("nd,nd->n", boxes.centre, lines.along[line_of]).round(6)
    order = np.lexsort((boxes.height, boxes.length, boxes.centre[:, 1], along, rank[line_of]))
    return order.tolist(), rank[line_of][order].tolist()


@dataclass(frozen=True)
class _Frames:
    """N rectangles: corners [N, 4, 2], centres [N, 2], unit vectors [N, 2], sides [N]."""

    corners: Floats
    centre: Floats
    along: Floats
    length: Floats
    height: Floats

    def seen(self, which: Indices, direction: Floats) -> tuple[Floats, Floats]:
        """Return where rectangles [P] begin and end, each in its direction [P, 2]: two [P]."""
        at = np.einsum("pkd,pd->pk", self.corners[which], direction)
        return at.min(axis=1), at.max(axis=1)

    def down(self) -> Floats:
        """Return the unit vectors [N, 2] that point from a line to the next."""
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)

    def edges(self, i: Indices, j: Indices) -> tuple[Floats, ...]:
        """Return where pairs begin and end in the frame of i: j and i along it, j and i down it."""
        along, down = self.along[i], self.down()[i]
        return *self.seen(j, along), *self.seen(i, along), *self.seen(j, down), *self.seen(i, down)

    def pairs(self) -> tuple[Indices, Indices]:
        """Return i and j [P] of those that may be near to each other, measured by the height of i.

        A page of small print has too many pairs in all: 1.8 GB for 4,000 words.
        """
        low, high = self.corners.min(axis=1), self.corners.max(axis=1)
        reach = _REACH * self.height[:, None]
        around = shapely.box(*(low - reach).T, *(high + reach).T)
        i, j = shapely.STRtree(shapely.box(*low.T, *high.T)).query(around)
        return i[i != j], j[i != j]


def _frames(corners: Floats) -> _Frames:
    along, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    length, height = (np.maximum(np.linalg.norm(side, axis=1), 1e-9) for side in (along, down))
    return _Frames(corners, corners.mean(axis=1), along / length[:, None], length, height)


def _groups(links: csr_array) -> Indices:
    return np.asarray(connected_components(links, directed=False)[1], np.intp)


def _linked(i: Indices, j: Indices, count: int) -> csr_array:
    return csr_array((np.ones(len(i), np.bool_), (i, j)), (count, count))


def _neighbours(boxes: _Frames) -> csr_array:
    """Return which boxes follow which on a line, bool [N, N]."""
    # The box with the clearer direction decides; of two alike, the more horizontal one.
    clearer = np.argsort(np.lexsort((boxes.along[:, 0], boxes.length / boxes.height)))
    i, j = boxes.pairs()
    decides = clearer[i] > clearer[j]
    i, j = i[decides], j[decides]
    left, right, start, end, top, bottom, first, last = boxes.edges(i, j)
    height, own = bottom - top, boxes.height[i]
    lower, higher = np.minimum(height, own), np.maximum(height, own)
    overlap = np.minimum(bottom, last) - np.maximum(top, first)
    gap = np.maximum(left - end, start - right)
    aside = (top + bottom - first - last) / 2
    ahead = (left + right - start - end) / 2
    near = (
        (overlap >= _LEAST_OVERLAP * lower)
        & (higher <= _LARGEST_RATIO * lower)
        & (gap <= _LARGEST_GAP * higher)
        & (ahead != 0)
    )
    before, after = np.where(ahead > 0, [i, j], [j, i])[:, near]
    distance = (np.maximum(gap, 0) + np.abs(aside))[near]
    return _mutually_nearest(before, after, distance, len(clearer))


def _mutually_nearest(before: Indices, after: Indices, distance: Floats, count: int) -> csr_array:
    least = np.full((2, count), np.inf)
    np.minimum.at(least[0], before, distance)
    np.minimum.at(least[1], after, distance)
    kept = (distance == least[0, before]) & (distance == least[1, after])
    return _linked(before[kept], after[kept], count)


def _around(boxes: _Frames, line_of: Indices) -> _Frames:
    """Return the rectangles around the boxes of each line, in its mean direction."""
    count = int(line_of.max()) + 1
    along = np.zeros((count, 2))
    np.add.at(along, line_of, boxes.along * boxes.length[:, None])
    # Opposite directions may cancel out.
    along[:, 0] += 1e-6
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    low, high = np.full((2, count), np.inf), np.full((2, count), -np.inf)
    for axis, direction in enumerate((along, down)):
        at = np.einsum("nkd,nd->nk", boxes.corners, direction[line_of])
        np.minimum.at(low[axis], line_of, at.min(axis=1))
        np.maximum.at(high[axis], line_of, at.max(axis=1))
    ends = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    corners = [x[:, None] * along + y[:, None] * down for x, y in ends]
    return _frames(np.stack(corners, axis=1))


def _below_each_other(lines: _Frames) -> csr_array:
    """Return which lines are neighbours in a block, bool [N, N]."""
    i, j = lines.pairs()
    left, right, start, end, top, bottom, first, last = lines.edges(i, j)
    height, own = lines.height[j], lines.height[i]
    lower, higher = np.minimum(height, own), np.maximum(height, own)
    shared = np.minimum(right, end) - np.maximum(left, start)
    leading = np.maximum(top - last, first - bottom)
    near = (
        (shared > 0)
        & (higher <= _LARGEST_RATIO * lower)
        & (np.abs(leading) <= _LARGEST_LEADING * lower)
    )
    links = _linked(i[near], j[near], len(lines.height))
    return csr_array(links.multiply(links.T))


def _line_order(lines: _Frames, block_of: Indices) -> list[int]:
    blocks = [np.flatnonzero(block_of == block) for block in range(int(block_of.max()) + 1)]
    corners = [lines.corners[block].reshape(-1, 2) for block in blocks]
    bounds = np.array([[*points.min(axis=0), *points.max(axis=0)] for points in corners])
    order: list[int] = []
    for index in _xy_cuts(bounds, np.arange(len(blocks))):
        block = blocks[index]
        along = (lines.along[block] * lines.length[block, None]).sum(axis=0)
        down = lines.centre[block] @ np.array([-along[1], along[0]])
        order += block[np.lexsort((lines.centre[block] @ along, down))].tolist()
    return order


def _xy_cuts(bounds: Floats, among: Indices) -> list[int]:
    """Return the order of rectangles [n, 4] (left, top, right, bottom)."""
    if len(among) == 1:
        return [int(among[0])]
    for axis in (1, 0):
        parts = _cut(bounds, among, axis)
        if len(parts) > 1:
            return [index for part in parts for index in _xy_cuts(bounds, part)]
    by_top = np.lexsort((bounds[among, 0], bounds[among, 1]))
    return [int(index) for index in among[by_top]]


def _cut(bounds: Floats, among: Indices, axis: int) -> list[Indices]:
    """Split rectangles where a straight line along the other axis passes between them."""
    among = among[np.argsort(bounds[among, axis], kind="stable")]
    ends = np.maximum.accumulate(bounds[among, axis + 2])
    return np.split(among, 1 + np.flatnonzero(bounds[among[1:], axis] >= ends[:-1]))
