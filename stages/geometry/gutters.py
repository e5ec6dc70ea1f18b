"""Gutters, the white columns between text columns, as opposed to blanks between words."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from .frames import Bools, Floats, Frames, Indices, groups

LEAST: Final = 0.6  # heights: a narrower gap is a blank
_ALIGNED: Final = 0.35  # heights: how far edges may be off one straight line
_APART: Final = 7.0  # heights: from a gap to the next one of its gutter
_LEAST_GAPS = 4  # gaps in a gutter; three are enough if they are wide
_WIDE = 1.1  # heights
_MOST_OF_RIVER = 8  # gaps in a river: they stand below each other by chance
_NEXT_LINE = 1.9  # heights
_LIKE = 1.4  # ratio of similar heights
_ROOM: Final = 1.0  # heights: width of a blank with nothing beyond it
_BEYOND = 2.0  # heights that a gutter reaches beyond its last gap


@dataclass(frozen=True)
class Gaps:
    """P blanks between boxes i and j [P] that follow each other on a line.

    `along` [P, 2] is the direction of the clearer box. `left` [P, 2] is the middle of the edge of
    i, `right` [P, 2] that of j. `width` [P] and `height` [P] are in pixels; the height is that of
    the higher box.
    """

    i: Indices
    j: Indices
    along: Floats
    left: Floats
    right: Floats
    width: Floats
    height: Floats


def gaps_of(boxes: Frames, i: Indices, j: Indices) -> Gaps:
    """Return the blanks between boxes i [P] and the boxes j [P] that follow them."""
    clear = boxes.length / boxes.height
    clearer = np.where(clear[i] >= clear[j], i, j)
    along = boxes.along[clearer]
    _, end = boxes.seen(i, along)
    start, _ = boxes.seen(j, along)
    middle = [boxes.centre[one] for one in (i, j)]
    edges = [
        at + (edge - np.einsum("pd,pd->p", at, along))[:, None] * along
        for at, edge in zip(middle, (end, start), strict=True)
    ]
    height = np.maximum(boxes.height[i], boxes.height[j])
    return Gaps(i, j, along, edges[0], edges[1], start - end, height)


@dataclass(frozen=True)
class _Edges:
    """The left or the right ends of Q pieces of lines.

    `at` [Q, 2] are points, `along` [Q, 2] directions. `height` [Q] is that of the box, `room` [Q]
    the width of the blank beside it, both in pixels. `node` [Q] is the number of that blank.
    """

    at: Floats
    along: Floats
    height: Floats
    room: Floats
    node: Indices


def in_gutters(boxes: Frames, gaps: Gaps, blank: Floats) -> Bools:
    """Return which gaps [P] are parts of gutters. Gaps narrower than `blank` [P] pixels are not.

    A gutter is a white line. At least four pieces of lines begin or end at its one side, and at
    least two at the other. Every gap that the line crosses is a part of the gutter.
    """
    wide = np.flatnonzero(gaps.width >= blank)
    found = np.zeros(len(gaps.i), np.bool_)
    if len(wide) == 0:
        return found
    starts, ends, count = _pieces(boxes, gaps, wide)
    links = [_links(boxes, edges, inwards) for edges, inwards in ((starts, -1), (ends, 1))]
    i, j = (np.concatenate([link[k] for link in links]) for k in (0, 1))
    start, end = (np.concatenate([link[k] for link in links]) for k in (2, 3))
    gutter_of = groups(i, j, count)
    sizes = [np.bincount(gutter_of[edges.node], minlength=count) for edges in (starts, ends)]
    size, least = np.maximum(*sizes), np.minimum(*sizes)
    own = gutter_of[: len(wide)]
    blanks = np.maximum(1, np.bincount(own, minlength=count))
    width = np.bincount(own, gaps.width[wide] / gaps.height[wide], minlength=count) / blanks
    is_gutter = (least >= 2) & ((size >= _LEAST_GAPS) | ((size == 3) & (width >= _WIDE)))
    is_river = (size <= _MOST_OF_RIVER) & _is_closed(boxes, gaps, wide, own, i, j, count)
    is_gutter &= ~is_river
    found[wide[is_gutter[own]]] = True
    kept = is_gutter[gutter_of[i]]
    height = np.concatenate([starts.height, ends.height])
    node = np.concatenate([starts.node, ends.node])
    of_node = np.zeros(count)
    of_node[node] = height
    segments = _extended(boxes, of_node[i][kept], start[kept], end[kept])
    crossings = shapely.linestrings(np.stack([gaps.left[wide], gaps.right[wide]], axis=1))
    crossed = shapely.STRtree(np.asarray(crossings)).query(segments, "intersects")[1]
    found[wide[crossed]] = True
    return found


def _pieces(boxes: Frames, gaps: Gaps, wide: Indices) -> tuple[_Edges, _Edges, int]:
    """Return where pieces of lines begin and end, and how many blanks there are.

    The wide gaps are the first blanks. A piece with nothing beside it adds one more blank.
    """
    found, count = [], len(wide)
    for sign, inside, at in ((-1, gaps.j, gaps.right), (1, gaps.i, gaps.left)):
        alone = np.setdiff1d(np.arange(len(boxes.height)), inside)
        edge = boxes.centre[alone] + (sign * boxes.length[alone] / 2)[:, None] * boxes.along[alone]
        node = np.arange(count, count + len(alone))
        count += len(alone)
        found.append(
            _Edges(
                np.concatenate([at[wide], edge]),
                np.concatenate([gaps.along[wide], boxes.along[alone]]),
                np.concatenate([gaps.height[wide], boxes.height[alone]]),
                np.concatenate([gaps.width[wide], _ROOM * boxes.height[alone]]),
                np.concatenate([np.arange(len(wide)), node]),
            )
        )
    return found[0], found[1], count


def _is_closed(
    boxes: Frames,
    gaps: Gaps,
    wide: Indices,
    gutter_of: Indices,
    i: Indices,
    j: Indices,
    count: int,
) -> Bools:
    """Return which gutters have text of similar height on the next line at one end or both."""
    height, along = gaps.height[wide], gaps.along[wide]
    step = np.stack([-along[:, 1], along[:, 0]], axis=1) * (_NEXT_LINE * height)[:, None]
    middle = (gaps.left[wide] + gaps.right[wide]) / 2
    closed = np.ones((2, count), np.bool_)
    for side, (ends, sign) in enumerate(((j, -1), (i, 1))):
        open_ends = np.setdiff1d(np.arange(len(wide)), ends)
        lines = np.stack([middle[open_ends], middle[open_ends] + sign * step[open_ends]], axis=1)
        end, box = boxes.tree.query(shapely.linestrings(lines), "intersects")
        ratio = boxes.height[box] / height[open_ends[end]]
        hit = np.unique(end[(ratio < _LIKE) & (ratio > 1 / _LIKE)])
        closed[side, gutter_of[np.delete(open_ends, hit)]] = False
    return np.asarray(closed[0] | closed[1], np.bool_)


def _links(boxes: Frames, edges: _Edges, inwards: int) -> tuple[Indices, Indices, Floats, Floats]:
    """Return pairs of blanks: each and the next one below whose edge is in line.

    The last two arrays [Q, 2] are the ends of the white line between the two, near that edge.
    """
    at, along, height = edges.at, edges.along, edges.height
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    near, far = (_ALIGNED * height)[:, None] * along, (_APART * height)[:, None] * down
    strips = np.stack([at - near, at + near, at + near + far, at - near + far], axis=1)
    low, high = strips.min(axis=1), strips.max(axis=1)
    i, j = shapely.STRtree(np.asarray(shapely.points(at))).query(shapely.box(*low.T, *high.T))
    step = at[j] - at[i]
    aside = np.abs(np.einsum("qd,qd->q", step, along[i]))
    below = np.einsum("qd,qd->q", step, down[i])
    inside = (
        (below > 0.5 * height[i]) & (below <= _APART * height[i]) & (aside <= _ALIGNED * height[i])
    )
    i, j, below = i[inside], j[inside], below[inside]
    order = np.lexsort((j, below, i))
    _, first = np.unique(i[order], return_index=True)
    i, j = i[order[first]], j[order[first]]
    white = (0.4 * inwards * np.minimum(edges.room[i], edges.room[j]))[:, None]
    start, end = at[i] + white * along[i], at[j] + white * along[j]
    free = _sees(boxes, start, end)
    return edges.node[i[free]], edges.node[j[free]], start[free], end[free]


def _sees(boxes: Frames, start: Floats, end: Floats) -> Bools:
    """Return whether no box stands between the points `start` and `end`, both [Q, 2]."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    line, box = boxes.tree.query(shapely.box(*low.T, *high.T))
    half, off = ((end - start) / 2)[line], ((start + end) / 2)[line] - boxes.centre[box]
    along, down = boxes.along[box], boxes.down()[box]
    length, height = boxes.length[box] / 2, boxes.height[box] / 2
    reach, depth = (np.abs(np.einsum("qd,qd->q", half, axis)) for axis in (along, down))
    # A line and a rectangle are apart if a side of the rectangle, or the line itself, separates
    # them.
    hit = np.abs(np.einsum("qd,qd->q", off, along)) <= reach + length
    hit &= np.abs(np.einsum("qd,qd->q", off, down)) <= depth + height
    across = np.abs(off[:, 0] * half[:, 1] - off[:, 1] * half[:, 0])
    hit &= across <= length * depth + height * reach
    free = np.ones(len(start), np.bool_)
    free[line[hit]] = False
    return free


def _extended(boxes: Frames, height: Floats, start: Floats, end: Floats) -> NDArray[np.object_]:
    """Return the white lines, made longer where their continuations are white too."""
    step = end - start
    step *= (_BEYOND * height / np.maximum(np.linalg.norm(step, axis=1), 1e-9))[:, None]
    lines = [np.stack([start, end], axis=1)]
    for near, far in ((start, start - step), (end, end + step)):
        free = _sees(boxes, near, far)
        lines.append(np.stack([near, far], axis=1)[free])
    return np.asarray(shapely.linestrings(np.concatenate(lines)))
