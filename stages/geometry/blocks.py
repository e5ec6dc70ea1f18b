"""Which lines of text are a block, and in which order blocks are read."""

from typing import Final

import numpy as np
from scipy.sparse import csr_array

from .frames import Bools, Floats, Frames, Indices, groups
from .tables import parts

_LARGEST_RATIO: Final = 1.35  # of the heights of two lines' type
_LARGEST_LEADING: Final = 1.2  # between lines of a block, in units of the lower one's height
_LEADING_OF_UNLIKE: Final = 0.8  # the same if one line is a footnote or a heading
_FACING: Final = 0.5  # heights, or share of the shorter line: least overlap of two lines
_PARALLEL: Final = 0.7  # least cosine between lines of a block: 45 degrees
_SAME: Final = 1.12  # ratio of the heights of lines in one type
_STRAIGHT: Final = 0.5  # heights: how far edges of lines in a paragraph may differ
_MOST: Final = 1500  # blocks that are compared pair by pair
_SHARED: Final = 0.2  # share of the narrower width: least overlap of a block and one above it
_ROOM: Final = 2.0  # heights: most that is needed
_LARGE: Final = 1.3  # times the usual height: a headline
_SMALL: Final = 0.87  # times the usual height: a footnote
_BENT: Final = 0.2  # heights of a headline: how far the next row may reach into it on a bent page


def blocks_of(lines: Frames, type_height: Floats) -> Indices:
    """Return the block of each line, [L], numbered in no order; `type_height` [L] is in pixels.

    Lines of similar height and direction that stand close below each other are a block. A line with
    two lines side by side below it, or above it, spans columns. It is in a block with one of them
    only if that one alone has the same type.
    """
    above, below = _below_each_other(lines, type_height)
    kept = _is_plain(lines, type_height, above, below)
    kept &= _is_plain(lines, type_height, below, above)
    return groups(above[kept], below[kept], len(lines.height))


def _below_each_other(lines: Frames, type_height: Floats) -> tuple[Indices, Indices]:
    """Return pairs of neighbours: indices [P] of the upper lines and of the lower lines."""
    count = len(lines.height)
    i, j = lines.pairs(np.arange(count), 0, _LARGEST_LEADING)
    height, own = type_height[j], type_height[i]
    lower, higher = np.minimum(height, own), np.maximum(height, own)
    like = higher <= _LARGEST_RATIO * lower
    cosine = np.einsum("pd,pd->p", lines.along[i], lines.along[j])
    like &= np.abs(cosine) >= _PARALLEL
    i, j, lower, higher, cosine = i[like], j[like], lower[like], higher[like], cosine[like]
    left, right, start, end, top, bottom, _, _ = lines.edges(i, j)
    first_shared, last_shared = np.maximum(left, start), np.minimum(right, end)
    narrower = np.minimum(np.minimum(lines.length[i], lines.length[j]), lower)
    faces = np.flatnonzero(last_shared - first_shared > _FACING * narrower)
    i, j, lower, higher = i[faces], j[faces], lower[faces], higher[faces]
    # How far the middle of j is below i, where they face each other. A small tilt moves the end of
    # a long line far.
    sine = np.einsum("pd,pd->p", lines.down()[i], lines.along[j])
    aside = (first_shared + last_shared - left - right)[faces] / 2
    tilt = aside * sine / cosine[faces]
    below = (top + bottom)[faces] / 2 + tilt
    leading = np.abs(below) - (lines.height[i] + lines.height[j]) / 2
    unlike = higher > _SAME * lower
    near = np.abs(leading) <= np.where(unlike, _LEADING_OF_UNLIKE, _LARGEST_LEADING) * lower
    i, j, down = i[near], j[near], (below > 0)[near]
    both = csr_array((np.ones(len(i), np.int8), (j, i)), (count, count))
    below = csr_array((down.astype(np.int8), (i, j)), (count, count)).multiply(both)
    upper, lower_one = below.nonzero()
    return upper.astype(np.intp), lower_one.astype(np.intp)


def _is_plain(lines: Frames, type_height: Floats, i: Indices, j: Indices) -> Bools:
    """Say whether line i has no two neighbours j side by side, or only j has the type of i."""
    along = lines.along[i]
    start, end = lines.seen(j, along)
    own_start, own_end = lines.seen(i, along)
    count = len(lines.height)
    last_start, first_end = np.full(count, -np.inf), np.full(count, np.inf)
    np.maximum.at(last_start, i, start)
    np.minimum.at(first_end, i, end)
    ratio = type_height[j] / type_height[i]
    straight = np.minimum(np.abs(start - own_start), np.abs(end - own_end))
    alike = (ratio < _SAME) & (ratio > 1 / _SAME) & (straight < _STRAIGHT * lines.height[i])
    many = np.bincount(i[(ratio < _SAME) & (ratio > 1 / _SAME)], minlength=count)
    return np.asarray((last_start <= first_end)[i] | (alike & (many[i] == 1)), np.bool_)


def block_order(rects: Floats, heights: Floats) -> list[int]:
    """Return the order in which blocks are read.

    A block is read after the blocks above it that share a part of its width. Among the blocks that
    may come next, the leftmost is read, so that a column is read to its end. Headlines and
    footnotes are recognized by the size of their type. They count as wide as the empty room around
    them. More than 1500 blocks are first split by recursive XY cuts (Nagy and Seth 1984).

    Args:
        rects: left, top, right, bottom [B, 4] on a page that stands upright.
        heights: height of the lines of each block in pixels, [B].
    """
    order = []
    for among in _taken_apart(rects, np.arange(len(rects))):
        if len(among) > _MOST:
            order += among[np.lexsort((rects[among, 0], rects[among, 1]))].tolist()
        else:
            room = _ROOM * float(np.median(heights[among]))
            wide = _widened(rects[among], heights[among])
            order += among[_topological(rects[among], wide, room)].tolist()
    return order


def _taken_apart(rects: Floats, among: Indices) -> list[Indices]:
    if len(among) <= _MOST:
        return [among]
    for axis in (1, 0):
        found = parts(rects, among, axis, 0)
        if len(found) > 1:
            return [piece for part in found for piece in _taken_apart(rects, part)]
    return [among]


def _widened(rects: Floats, heights: Floats) -> Floats:
    """Return rectangles; those of headlines and footnotes fill the empty room on both sides."""
    wide = rects.copy()
    usual = np.median(heights)
    for index in np.flatnonzero((heights >= _LARGE * usual) | (heights <= _SMALL * usual)):
        left, top, right, bottom = rects[index]
        bent = _BENT * heights[index]
        beside = (rects[:, 1] < bottom - bent) & (rects[:, 3] > top + bent)
        before, after = beside & (rects[:, 2] <= left), beside & (rects[:, 0] >= right)
        wide[index, 0] = rects[before, 2].max(initial=rects[:, 0].min())
        wide[index, 2] = rects[after, 0].min(initial=rects[:, 2].max())
    return wide


def _share_width(rects: Floats, room: float) -> Bools:
    left, _, right, _ = rects.T
    shared = np.minimum(right, right[:, None]) - np.maximum(left, left[:, None])
    narrower = np.minimum(right - left, (right - left)[:, None])
    return np.asarray(shared > np.minimum(_SHARED * narrower, room), np.bool_)


def _topological(rects: Floats, wide: Floats, room: float) -> list[int]:
    left, top, _, bottom = rects.T
    level = np.minimum(bottom, bottom[:, None]) - np.maximum(top, top[:, None])
    is_level = level > 0.5 * np.minimum(bottom - top, (bottom - top)[:, None])
    middle = top + bottom
    is_higher = np.where(is_level, top[:, None] < top, middle[:, None] < middle)
    # Two headlines side by side both get the room between them.
    waits = np.where(is_level, _share_width(rects, room), _share_width(wide, room)) & is_higher
    waiting = waits.sum(axis=0)
    rank = np.argsort(np.lexsort((top, left)))
    order: list[int] = []
    left_over = np.ones(len(rects), np.bool_)
    for _ in range(len(rects)):
        # If blocks wait for each other, the block that waits for the fewest comes next.
        fewest = np.where(left_over, waiting, len(rects) + 1)
        ready = np.flatnonzero(fewest == fewest.min())
        following = int(ready[np.argmin(rank[ready])])
        order.append(following)
        left_over[following] = False
        waiting = waiting - waits[following]
    return order
