"""Whether text runs rightwards, leftwards or downwards, told from the shapes of its boxes."""

from typing import Final

import numpy as np
from scipy.spatial import KDTree

from ..settings import Direction
from .frames import Bools, Floats, Indices, groups

_NEIGHBOURS: Final = 8
_NEAR: Final = 2.5  # sizes, from centre to centre
_RATIO: Final = 2.0  # largest ratio of sizes
_LONG: Final = 1.5  # ratio of the sides of a box that shows its direction
_LEAST_COLUMN: Final = 3  # boxes below each other; two may be two lines
_OBLIQUE: Final = 15.0  # degrees
_SLANT: Final = 0.4  # x per y: vertical text with less slant runs downwards
_CLOSER: Final = 0.7  # share of the other gap


def turned(corners: Floats, direction: Direction) -> Floats:
    """Return corners [N, 4, 2] so that text runs along their first edge, lines along the last.

    With `rtl` the corners are those of the mirror image, where text runs to the right.
    """
    if direction == "rtl":
        return turned(corners[:, [1, 0, 3, 2]] * np.array([-1.0, 1.0]), "ltr")
    sideways = _across(corners)
    if direction == "ttb":
        return _downwards(
            _rolled(corners, np.where(sideways, 0, 1)), np.ones(len(corners), np.bool_)
        )
    if len(corners) < 2:
        return corners
    stacked, is_short = _stacked(corners, sideways)
    if direction == "ltr":
        stacked = np.zeros_like(stacked)
    corners = _straightened(corners, stacked & is_short)
    sideways = _across(corners)
    corners = _rolled(corners, np.where(is_short, stacked.astype(int) - sideways, 0))
    return _downwards(corners, stacked)


def _downwards(corners: Floats, which: Bools) -> Floats:
    """Return corners; rectangles that run upwards with a small slant are turned downwards."""
    along = corners[:, 1] - corners[:, 0]
    is_steep = np.abs(along[:, 0]) < _SLANT * np.abs(along[:, 1])
    return _rolled(corners, np.where(which & is_steep & (along[:, 1] < 0), 2, 0))


def _across(corners: Floats) -> Bools:
    """Say for each rectangle whether its first edge is nearer to vertical than to horizontal."""
    along = np.abs(corners[:, 1] - corners[:, 0])
    return along[:, 1] > along[:, 0]


def _rolled(corners: Floats, by: Indices) -> Floats:
    """Return corners [N, 4, 2]; the list of each rectangle starts so many corners later."""
    return np.asarray(corners[np.arange(len(by))[:, None], (np.arange(4) + by[:, None]) % 4])


def _straightened(corners: Floats, letters: Bools) -> Floats:
    """Return corners [N, 4, 2]; letters of columns are turned to the usual angle of letters.

    The smallest rectangle around a letter may have any angle, and the column would get it too.
    """
    if not letters.any():
        return corners
    first = corners[letters]
    edges = first[:, 1] - first[:, 0]
    angles = np.degrees(np.arctan2(edges[:, 1], edges[:, 0]))
    usual = float(np.median((angles + 45) % 90 - 45))
    oblique = np.abs((angles - usual + 45) % 90 - 45) > _OBLIQUE
    turn = np.radians(usual)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    seen = first[oblique] @ axes.T
    low, high = seen.min(axis=1), seen.max(axis=1)
    around = np.stack([low, np.stack([high[:, 0], low[:, 1]], axis=1), high, np.stack([low[:, 0], high[:, 1]], axis=1)], axis=1)  # fmt: skip
    straight = corners.copy()
    straight[np.flatnonzero(letters)[oblique]] = around @ axes
    return straight


def _stacked(corners: Floats, sideways: Bools) -> tuple[Bools, Bools]:
    """Return which boxes [N] stand in vertical columns, and which are as short as a letter.

    Neighbours of similar size decide together. Long boxes vote by their direction. A square box
    votes by the place of its nearest neighbour: above or below, or beside. A short box takes the
    direction of its neighbours, whatever its own sides are.
    """
    low, high = corners.min(axis=1), corners.max(axis=1)
    sides = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2)
    size, length = np.maximum(sides.min(axis=1), 1e-9), sides.max(axis=1)
    is_long = length > _LONG * size
    i, j = _near(corners.mean(axis=1), size, length)
    shared = np.minimum(high[i], high[j]) - np.maximum(low[i], low[j])
    gap = np.full((len(corners), 2), np.inf)
    for axis in (0, 1):
        beside = shared[:, 1 - axis] >= 0.5 * np.minimum(size[i], size[j])
        np.minimum.at(gap[:, axis], i[beside], np.maximum(-shared[beside, axis], 0))
    closest = gap.min(axis=1) <= size
    down = np.where(is_long, sideways, closest & (gap[:, 1] <= _CLOSER * gap[:, 0]))
    right = np.where(is_long, ~sideways, closest & (gap[:, 0] <= _CLOSER * gap[:, 1]))
    group_of = groups(i, j, len(corners))
    weight = np.where(is_long, length, size)
    votes = np.bincount(group_of, weight * (down.astype(float) - right))
    usual = np.bincount(group_of, weight * size) / np.bincount(group_of, weight)
    count = np.bincount(group_of)[group_of]
    is_short = (length <= _LONG * usual[group_of]) & (count > 1)
    return (votes[group_of] > 0) & (count >= _LEAST_COLUMN), is_short


def _near(centre: Floats, size: Floats, length: Floats) -> tuple[Indices, Indices]:
    """Return pairs of boxes of similar size that stand near each other: two indices [P]."""
    count = min(_NEIGHBOURS + 1, len(centre))
    distance, j = KDTree(centre).query(centre, count)
    i = np.repeat(np.arange(len(centre)), count)
    j = np.asarray(j).ravel()
    reach = _NEAR * np.maximum(size[i], size[j]) + (length[i] + length[j]) / 2
    thin, thick = np.where(size[i] < size[j], [i, j], [j, i])
    is_like = (size[thick] <= _RATIO * size[thin]) | (
        (size[thick] <= _RATIO * length[thin]) & (length[thin] <= _RATIO * size[thick])
    )
    near = is_like & (i != j) & (np.asarray(distance).ravel() <= reach)
    return i[near], j[near]
