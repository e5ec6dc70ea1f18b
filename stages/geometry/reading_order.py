"""Text lines, blocks and reading order of boxes, at any angle."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np

from ..settings import Direction, TextDirection
from .blocks import block_order, blocks_of
from .directions import turned
from .frames import Bools, Floats, Frames, Indices, around, frames
from .tables import tables_of
from .text_lines import lines_of
from .unbent import unbent

_SAME_PLACE: Final = 0.15  # heights: nearer corners count as the same
_LEVEL: Final = 0.7  # least cosine between a line of a table and most lines: 45 degrees
_CROWD: Final = 5  # boxes of similar height with middles in one square of that side: some overlap


class Place(TypedDict):
    """Where a box stands; see `Box`."""

    line: int
    block: int
    direction: TextDirection


@dataclass(frozen=True)
class ReadingOrder:
    """How N boxes are read.

    Attributes:
        boxes: indices of the boxes in reading order.
        lines: line of each box, in that order, counted from 0 over the page.
        blocks: block of each box, in that order, counted from 0.
        directions: direction of the text of each box, in that order: ltr, rtl or ttb.
    """

    boxes: list[int]
    lines: list[int]
    blocks: list[int]
    directions: list[TextDirection]

    def places(self) -> Iterator[tuple[int, Place]]:
        """Yield for each box, in reading order, its index and the fields of its place in `Box`."""
        rows = zip(self.boxes, self.lines, self.blocks, self.directions, strict=True)
        for index, line, block, direction in rows:
            yield index, {"line": line, "block": block, "direction": direction}


def reading_order(corners: Floats, direction: Direction = "auto") -> ReadingOrder:
    """Return the lines, blocks and reading order of boxes.

    Boxes make lines, which cross no gutter. Lines make blocks, and blocks are put in order. A table is
    a block, and is read by rows.

    Args:
        corners: [N, 4, 2] of rectangles in pixels, clockwise from the top-left one in reading
            direction.
        direction: in which the text runs: `ltr`, `rtl` or `ttb`; `auto`: ttb for boxes in columns,
            else ltr.
    """
    if len(corners) == 0:
        return ReadingOrder([], [], [], [])
    corners = corners.round(6)
    given = np.lexsort(corners.reshape(-1, 8).T)  # the order of the arguments changes nothing
    corners, copy_of = _apart(corners[given])
    boxes = frames(turned(corners, direction))
    line_of = lines_of(boxes)
    boxes = frames(unbent(boxes, line_of))
    lines = around(boxes, line_of)
    type_height = np.bincount(line_of, boxes.height) / np.bincount(line_of)
    # Rounded to a millionth of a pixel, so that rounding errors decide nothing.
    along = np.einsum("nd,nd->n", boxes.centre, lines.along[line_of]).round(6)
    first = np.lexsort((boxes.length, along, line_of))
    first = first[np.flatnonzero(np.diff(line_of[first], prepend=-1))]
    line_order, block_of = _line_order(lines, type_height, boxes.length[first])
    rank = np.argsort(line_order)
    order = np.lexsort((boxes.height, boxes.length, boxes.centre[:, 1], along, rank[line_of]))
    # Boxes in the same place follow each other in reading order.
    read = np.argsort(np.argsort(order)[copy_of], kind="stable")
    order = copy_of[read]
    block = block_of[line_of[order]]
    sideways = np.abs(lines.along[:, 1]) > np.abs(lines.along[:, 0])
    columns = np.bincount(block_of, np.where(sideways, 1, -1) * lines.length) > 0
    across: TextDirection = "rtl" if direction == "rtl" else "ltr"
    return ReadingOrder(
        given[read].tolist(),
        rank[line_of[order]].tolist(),
        block.tolist(),
        ["ttb" if is_column else across for is_column in columns[block].tolist()],
    )


def _apart(corners: Floats) -> tuple[Floats, Indices]:
    """Return the corners of one box per place, and for each box [N] the index of its place.

    Boxes are in one place if their corners differ by less than a share of their height. Boxes of a
    crowd are in one place too: a crowd has no order, and thousands of boxes would make millions of
    pairs.
    """
    sides = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2)
    height = np.exp2(np.round(np.log2(np.maximum(sides.min(axis=1), 1e-6) * _SAME_PLACE)))
    first, copy_of, _ = _by_place(height, corners.reshape(-1, 8))
    corners, height = corners[first], height[first] / _SAME_PLACE
    one_of, crowd_of, size = _by_place(height, corners.mean(axis=1))
    is_crowd = size[crowd_of] >= _CROWD
    kept, place = np.unique(
        np.where(is_crowd, one_of[crowd_of], np.arange(len(corners))), return_inverse=True
    )
    return corners[kept], place[copy_of]


def _by_place(step: Floats, at: Floats) -> tuple[Indices, Indices, Indices]:
    """Return the first thing of each place, the place of each thing, and the count of each place.

    Things of the same step [N] whose coordinates [N, K] round to the same steps are in one place.
    """
    place = np.column_stack([step, np.round(at / step[:, None])])
    _, first, place_of, count = np.unique(
        place, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    return first, place_of.ravel(), count


def _line_order(lines: Frames, type_height: Floats, first: Floats) -> tuple[Indices, Indices]:
    """Return the order of lines, and the block of each line, counted in that order."""
    block_of = blocks_of(lines, type_height)
    rects, is_level = _on_upright_page(lines)
    down = np.einsum("nd,nd->n", lines.centre, around(lines, block_of).down()[block_of])
    within = np.argsort(np.lexsort((rects[:, 0], down)))
    level = np.flatnonzero(is_level)
    for number, cells in enumerate(tables_of(rects[level], first[level]), int(block_of.max()) + 1):
        table = level[cells]
        block_of[table] = number
        within[table] = np.arange(len(table))
    block_of = np.unique(block_of, return_inverse=True)[1]
    by_block = np.lexsort((type_height, block_of))
    starts = np.flatnonzero(np.diff(block_of[by_block], prepend=-1))
    low = np.minimum.reduceat(rects[by_block, :2], starts)
    high = np.maximum.reduceat(rects[by_block, 2:], starts)
    middle = starts + np.diff(starts, append=len(type_height)) // 2
    usual = type_height[by_block[middle]]
    rank = np.argsort(block_order(np.concatenate([low, high], axis=1), usual))
    return np.lexsort((within, rank[block_of])), rank[block_of]


def _on_upright_page(lines: Frames) -> tuple[Floats, Bools]:
    """Return left, top, right, bottom of lines on the page, turned so that most run to the right.

    The second result says which lines do so, within 45 degrees.
    """
    sideways = np.abs(lines.along[:, 1]) > np.abs(lines.along[:, 0])
    weight = lines.length * np.where(sideways, -1, 1)
    most = ~sideways if weight.sum() >= 0 else sideways
    along = (lines.along * lines.length[:, None])[most].sum(axis=0)
    along /= max(float(np.hypot(*along)), 1e-9)
    turn = np.array([along, [-along[1], along[0]]])
    corners = lines.corners @ turn.T
    rects = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return rects, lines.along @ along >= _LEVEL
