"""Joins boxes into lines of text, at any angle."""

from typing import Final

import numpy as np
import shapely

from .frames import Bools, Floats, Frames, Indices, around, groups
from .gutters import LEAST, Gaps, gaps_of, in_gutters

_LEAST_OVERLAP: Final = 0.5  # share of the lower box's height
_LARGEST_GAP: Final = 1.5  # between neighbours on a line, in heights of the higher box
_LARGEST_BLANK: Final = 6.0  # the same where a line above or below has no gap, as in justified text
_LARGEST_RATIO: Final = 2.0  # of heights
_LETTER: Final = 1.5  # heights: length of the longest box of a letter
_TURN: Final = 0.5  # least cosine between longer neighbours: 60 degrees, as on a ring
_HOLE: Final = 2.25  # heights between two letters of a column if one letter between them was missed
_HOLE_OF_TWO: Final = 3.3  # the same for two letters, where the column beside it is not blank
_LARGEST_HOLE: Final = 10.0  # heights, where the column beside it has no hole
_TIMES: Final = 2  # rounds in which lines are joined
_NEXT_LINE: Final = 1.9  # heights up or down in which another line must cover a blank
_NEXT_COLUMN: Final = 2.3  # the same for columns of letters, which may be small


def lines_of(boxes: Frames) -> Indices:
    """Return the line of each box, [N], numbered in no order.

    Two boxes follow each other on a line if they stand side by side. Seen along the longer one,
    they share half of the lower one's height, have similar heights, and are less than one and a
    half heights apart. Boxes longer than a letter also run in similar directions. A box has at most
    one neighbour on either side, the nearest one, so that a slanted or tall box does not join two
    lines. No line crosses a gutter. A gap may be wider where a line above or below has no gap. A
    gap between two letters of a column may have room for one letter: detectors miss strokes and
    dots.
    """
    is_letter = _letters(boxes)
    gaps = gaps_of(boxes, *_neighbours(boxes, is_letter))
    in_column = is_letter[gaps.i] & is_letter[gaps.j]
    blank = np.where(in_column, _HOLE, LEAST) * gaps.height
    is_open = (gaps.width < blank) | ~in_gutters(boxes, gaps, blank)
    joined = is_open & (gaps.width <= np.maximum(_LARGEST_GAP * gaps.height, blank))
    count = len(boxes.height)
    for _ in range(_TIMES):
        wide = np.flatnonzero(is_open & ~joined)
        if len(wide) == 0:
            break
        lines = around(boxes, groups(gaps.i[joined], gaps.j[joined], count))
        joined[wide[_is_bridged(lines, gaps, wide, in_column[wide])]] = True
    return groups(gaps.i[joined], gaps.j[joined], count)


def _letters(boxes: Frames) -> Bools:
    """Return which boxes [N] are as short as a letter, in text that runs downwards."""
    is_column = np.abs(boxes.along[:, 1]) > np.abs(boxes.along[:, 0])
    return np.asarray(is_column & (boxes.length <= _LETTER * boxes.height), np.bool_)


def _neighbours(boxes: Frames, is_letter: Bools) -> tuple[Indices, Indices]:
    """Return pairs i, j [P]: j follows i on a line, and each is the other's nearest.

    If a box has close neighbours on both sides, no others are compared: a crowd has too many.
    """
    # The box with the clearer direction decides; if both are equally clear, the more horizontal
    # one.
    clearer = np.argsort(np.lexsort((boxes.along[:, 0], boxes.length / boxes.height)))
    count = len(clearer)
    reach = np.full(count, _LARGEST_GAP)
    i, before, after, distance = _side_by_side(boxes, np.arange(count), reach, clearer)
    is_lonely = _least(before, after, distance, count).max(axis=0) > _LARGEST_GAP * boxes.height
    reach = np.where(is_letter, _LARGEST_HOLE, _LARGEST_BLANK)
    further = _side_by_side(boxes, np.flatnonzero(is_lonely), reach, clearer)
    content = ~is_lonely[i]
    before, after = np.r_[before[content], further[1]], np.r_[after[content], further[2]]
    distance = np.r_[distance[content], further[3]]
    least = _least(before, after, distance, count)
    kept = (distance == least[0, before]) & (distance == least[1, after])
    return before[kept], after[kept]


def _side_by_side(
    boxes: Frames, which: Indices, reach: Floats, clearer: Indices
) -> tuple[Indices, Indices, Indices, Floats]:
    """Return per pair [P] the box that decides, the first and second box, and their distance."""
    i, j = boxes.pairs(which, reach[which, None], 0)
    decides = clearer[i] > clearer[j]
    i, j = i[decides], j[decides]
    left, right, start, end, top, bottom, first, last = boxes.edges(i, j)
    height, own = bottom - top, boxes.height[i]
    lower, higher = np.minimum(height, own), np.maximum(height, own)
    overlap = np.minimum(bottom, last) - np.maximum(top, first)
    gap = np.maximum(left - end, start - right)
    aside = (top + bottom - first - last) / 2
    ahead = (left + right - start - end) / 2
    is_long = boxes.length > _LETTER * boxes.height
    cosine = np.abs(np.einsum("pd,pd->p", boxes.along[i], boxes.along[j]))
    near = (
        (overlap >= _LEAST_OVERLAP * lower)
        & (higher <= _LARGEST_RATIO * lower)
        & (gap <= reach[i] * own)
        & (ahead != 0)
        & ((cosine >= _TURN) | ~(is_long[i] & is_long[j]))
    )
    before, after = np.where(ahead > 0, [i, j], [j, i])[:, near]
    return i[near], before, after, (np.maximum(gap, 0) + np.abs(aside))[near]


def _least(before: Indices, after: Indices, distance: Floats, count: int) -> Floats:
    """Return the distance from each box to the next one and to the one before, [2, N]."""
    least = np.full((2, count), np.inf)
    np.minimum.at(least[0], before, distance)
    np.minimum.at(least[1], after, distance)
    return least


def _is_bridged(lines: Frames, gaps: Gaps, wide: Indices, in_column: Bools) -> Bools:
    """Return which wide gaps are covered by a close line of similar height above or below.

    A gap for two letters in a column (`in_column` [W]) need only be covered in part.
    """
    left, right, height = gaps.left[wide], gaps.right[wide], gaps.height[wide]
    along = gaps.along[wide]
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    reach = (np.where(in_column, _NEXT_COLUMN, _NEXT_LINE) * height)[:, None] * down
    strips = shapely.polygons(
        np.stack([left - reach, right - reach, right + reach, left + reach], axis=1)
    )
    gap, line = lines.tree.query(strips, "intersects")
    start, end = lines.seen(line, along[gap])
    from_, to = (np.einsum("qd,qd->q", edge[gap], along[gap]) for edge in (left, right))
    ratio = lines.height[line] / height[gap]
    is_hole = in_column & (gaps.width[wide] <= _HOLE_OF_TWO * height)
    from_, to = np.where(is_hole[gap], [to, from_], [from_, to])
    covers = (start <= from_) & (end >= to) & (ratio > 1 / 1.4) & (ratio < 1.4)
    bridged = np.zeros(len(wide), np.bool_)
    bridged[gap[covers]] = True
    return bridged
