"""Rectangles at any angle, each seen along its own direction."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

_ACROSS: Final = 0.7
"""Least cosine of the angle between a box and the direction of its group."""


@dataclass(frozen=True)
class Frames:
    """N rectangles in pixels: corners [N, 4, 2], centres and unit vectors [N, 2], sides [N]."""

    corners: Floats
    centre: Floats
    along: Floats
    length: Floats
    height: Floats

    def __getitem__(self, which: Indices) -> "Frames":
        return Frames(
            self.corners[which],
            self.centre[which],
            self.along[which],
            self.length[which],
            self.height[which],
        )

    def seen(self, which: Indices, direction: Floats) -> tuple[Floats, Floats]:
        """Return begin [P] and end [P] of rectangles, each along its direction [P, 2]."""
        at = np.einsum("pd,pd->p", self.centre[which], direction)
        along = self.along[which]
        cosine = np.einsum("pd,pd->p", along, direction)
        sine = along[:, 0] * direction[:, 1] - along[:, 1] * direction[:, 0]
        half = (np.abs(cosine) * self.length[which] + np.abs(sine) * self.height[which]) / 2
        return at - half, at + half

    def down(self) -> Floats:
        """Return the unit vectors [N, 2] that point from a line to the next line."""
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)

    def edges(self, i: Indices, j: Indices) -> tuple[Floats, ...]:
        """Return begin and end of j, then of i, from the centre of i: along i, then across it."""
        table = np.stack([*self.centre.T, *self.along.T, self.length / 2, self.height / 2])
        x, y, right, down, own_length, own_height = table.take(i, axis=1)
        to_x, to_y, x_of, y_of, length, height = table.take(j, axis=1)
        to_x, to_y = to_x - x, to_y - y
        ahead, below = right * to_x + down * to_y, right * to_y - down * to_x
        cosine, sine = np.abs(right * x_of + down * y_of), np.abs(right * y_of - down * x_of)
        reach, depth = cosine * length + sine * height, sine * length + cosine * height
        return (
            *(ahead - reach, ahead + reach, -own_length, own_length),
            *(below - depth, below + depth, -own_height, own_height),
        )

    @cached_property
    def tree(self) -> shapely.STRtree:
        """A tree that finds rectangles by their place."""
        return shapely.STRtree(np.asarray(shapely.polygons(self.corners)))

    def pairs(self, which: Indices, aside: float | Floats, below: float) -> tuple[Indices, Indices]:
        """Return pairs i, j [P] that may be near each other; i is in `which`.

        It finds every j that is at most `aside` heights of i away along the line, and `below`
        heights across it. All pairs would be too many: 1.8 GB for a page of 4,000 words.
        """
        corners, along, down = self.corners[which], self.along[which], self.down()[which]
        reach = (aside * np.abs(along) + below * np.abs(down)) * self.height[which, None]
        low, high = corners.min(axis=1) - reach, corners.max(axis=1) + reach
        i, j = self.tree.query(shapely.box(*low.T, *high.T))
        other = which[i] != j
        return which[i[other]], j[other]


def frames(corners: Floats) -> Frames:
    """Return rectangles from their corners [N, 4, 2], clockwise from the top-left one."""
    along, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    length, height = (np.maximum(np.linalg.norm(side, axis=1), 1e-9) for side in (along, down))
    return Frames(corners, corners.mean(axis=1), along / length[:, None], length, height)


def around(boxes: Frames, group_of: Indices) -> Frames:
    """Return the rectangle around each group, in its mean direction; `group_of` is [N].

    The directions of boxes across that of their group do not count: a single letter is higher than
    wide.
    """
    along = _mean_direction(boxes, group_of, boxes.length)
    is_along = np.einsum("nd,nd->n", boxes.along, along[group_of]) > _ACROSS
    along = _mean_direction(boxes, group_of, boxes.length * np.where(is_along, 1, 1e-6))
    count = len(along)
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    low, high = np.full((2, count), np.inf), np.full((2, count), -np.inf)
    for axis, direction in enumerate((along, down)):
        at = np.einsum("nkd,nd->nk", boxes.corners, direction[group_of])
        np.minimum.at(low[axis], group_of, at.min(axis=1))
        np.maximum.at(high[axis], group_of, at.max(axis=1))
    ends = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    corners = [x[:, None] * along + y[:, None] * down for x, y in ends]
    return frames(np.stack(corners, axis=1))


def _mean_direction(boxes: Frames, group_of: Indices, weight: Floats) -> Floats:
    """Return unit vectors, one per group."""
    along = np.zeros((int(group_of.max()) + 1, 2))
    np.add.at(along, group_of, boxes.along * weight[:, None])
    # Opposite directions may cancel each other.
    along[:, 0] += 1e-9 * weight.max()
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def groups(i: Indices, j: Indices, count: int) -> Indices:
    """Return the group of each of `count` things, [count]; pairs i, j [P] are in one group."""
    links = csr_array((np.ones(len(i), np.int8), (i, j)), (count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)
