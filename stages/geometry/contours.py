"""Outlines of components: they run between the cells, in pixels of the picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..scratch import bands
from .grid import Grid

Floats = NDArray[np.float64]


def outlines(
    marks: NDArray[np.int32], heat: NDArray[np.float32], grid: Grid, level: float | None
) -> list[Floats]:
    """Return points on the outline of every component.

    A cell may be as large as a small letter, so the outline is finer than the cells. It passes
    between the centres of a cell inside and its neighbour outside, where linearly interpolated heat
    crosses the level. These points are the vertices of marching squares (Lorensen and Cline 1987).
    The outline lies half way if there is no level, or if both cells are above or below it. At the
    border of the picture it lies on the border.

    Args:
        marks: int32 [h, w], 0 outside, else the number of a component, from 1.
        heat: float32 [h, w] that the components were cut from.
        grid: where the cells lie.
        level: the heat that the components were cut at; None: there is no level.

    Returns:
        For component 1, 2, …: float64 [n, 2], points x, y in pixels, in no order, inside the
        picture.
    """
    centres = _centres(grid, axis=0), _centres(grid, axis=1)
    # Whole maps would take 30 bytes per cell.
    found = [_crossings(marks, heat, rows, centres, level) for rows in bands(len(marks))]
    owner, points = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=int(marks.max(initial=0)) + 1)[1:])
    return np.split(points[order], ends[:-1]) if len(ends) else []


def _crossings(
    marks: NDArray[np.int32],
    heat: NDArray[np.float32],
    rows: slice,
    centres: tuple[Floats, Floats],
    level: float | None,
) -> tuple[NDArray[np.int32], Floats]:
    """Return the component of each point [n] in some rows, and the points [n, 2]."""
    height, width = marks.shape
    around, values = (_with_surroundings(one, rows).ravel() for one in (marks, heat))
    inside = width + 2 + np.flatnonzero(around[width + 2 : -width - 2])
    steps = np.array([1, -1, width + 2, -width - 2])
    neighbour = inside + steps[:, None]
    side, cell = np.nonzero(around[neighbour] == 0)
    here, there = inside[cell], neighbour[side, cell]
    (row, column), (row_there, column_there) = (
        np.divmod(cells, width + 2) for cells in (here, there)
    )
    x, y = centres[0], centres[1][rows.start :]
    start = np.stack([x[column], y[row]], axis=1)
    end = np.stack([x[column_there], y[row_there]], axis=1)
    beyond = (column_there == 0) | (column_there == width + 1)
    beyond |= (row_there == -rows.start) | (row_there == height + 1 - rows.start)
    share = np.where(beyond, 1.0, _crossing(values[here], values[there], level))
    return around[here], start + share[:, None] * (end - start)


def _with_surroundings(values: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Return some rows of a map with one more cell on each side; cells beyond the map are 0."""
    above, below = int(rows.start == 0), int(rows.stop == len(values))
    seen = values[rows.start - 1 + above : rows.stop + 1 - below]
    return np.pad(seen, ((above, below), (1, 1)))


def _centres(grid: Grid, axis: int) -> Floats:
    """Return the centres of columns (axis 0) or rows (1) between the borders of the picture."""
    count, limit = grid.shape[1 - axis], grid.picture[axis]
    centres = grid.offset[axis] + np.arange(count) * grid.stride[axis]
    return np.concatenate([[0.0], np.clip(centres, 0, limit), [limit]])


def _crossing(
    inside: NDArray[np.float32], outside: NDArray[np.float32], level: float | None
) -> Floats:
    """Return where heat crosses the level, as a share of the way from inside to outside."""
    if level is None:
        return np.full(len(inside), 0.5)
    fall = inside.astype(np.float64) - outside
    share = np.divide(inside - level, fall, out=np.full(len(fall), 0.5), where=fall > 0)
    return np.asarray(np.where((share >= 0) & (share <= 1), share, 0.5))
