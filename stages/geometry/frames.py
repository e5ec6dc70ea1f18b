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
"""Cosine of an angle to the direction of a group."""


@dataclass(frozen=True)
class Frames:
    """N rectangles: corners [N, 4, 2], centres [N, 2], unit vectors [N, 2], sides [N]."""

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
        """Return where rectangles [P] begin and end, each in its direction [P, 2]: two [P]."""
        at = np.einsum("pd,pd->p", self.centre[which], direction)
        along = self.along[which]
        cosine = np.einsum("pd,pd->p", along, direction)
        sine = along[:, 0] * direction[:, 1] - along[:, 1] * direction[:, 0]
        half = (np.abs(cosine) * self.length[which] + np.abs(sine) * self.height[which]) / 2
        return at - half, at + half

    def down(self) -> Floats:
        """Return the unit vectors [N, 2] that point from a line to the next."""
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)

    def edges(self, i: Indices, j: Indices) -> tuple[Floats, ...]:
        """Return where pairs begin and end, from the centre of i: j and i along it, j and i down it."""
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
        """Finds rectangles by place."""
        return shapely.STRtree(np.asarray(shapely.polygons(self.corners)))

    def pairs(self, which: Indices, aside: float | Floats, below: float) -> tuple[Indices, Indices]:
        """Return i, of `which`, and j [P] of those that may be near to each other, by the height of i.

        Nothing that is no further than so many heights from i, in line with it and across, is missed.
        A page of small print has too many pairs in all: 1.8 GB for 4,000 words.
        """
        corners, along, down = self.corners[which], self.along[which], self.down()[which]
        reach = (aside * np.abs(along) + below * np.abs(down)) * self.height[which, None]
        low, high = corners.min(axis=1) - reach, corners.max(axis=1) + reach
        i, j = self.tree.query(shapely.box(*low.T, *high.T))
        other = which[i] != j
        return which[i[other]], j[other]


def frames(corners: Floats) -> Frames:
    """Return rectangles by their corners [N, 4, 2], clockwise from the top-left one."""
    along, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    length, height = (np.maximum(np.linalg.norm(side, axis=1), 1e-9) for side in (along, down))
    return Frames(corners, corners.mean(axis=1), along / length[:, None], length, height)


def around(boxes: Frames, group_of: Indices) -> Frames:
    """Return the rectangles around groups of boxes (of each box [N]), in their mean directions.

    Boxes across the direction of their group do not count: a single letter is higher than wide.
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
    # Opposite directions may cancel out.
    along[:, 0] += 1e-9 * weight.max()
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def groups(i: Indices, j: Indices, count: int) -> Indices:
    """Return which group each of `count` things is in, [count], if pairs i, j [P] are together."""
    links = csr_array((np.ones(len(i), np.int8), (i, j)), (count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)
