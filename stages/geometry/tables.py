"""Finds the lines of text that are cells of a table, and orders them by rows."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from .frames import Floats, Indices

Runs = list[tuple[float, float]]
"""The intervals of x that a part of a page covers, from left to right."""

_GUTTER: Final = 0.5  # heights: the least white column between two columns
_ALIGNED: Final = 0.35  # heights: how far the centres of cells in a row may differ
_LEAST_ALIGNED: Final = 0.8  # share of the shortest column's lines that must be level with others
_LEAST_SPARSE: Final = 0.85  # blank share of the columns plus heights between lines
_NUMBERS: Final = 3.0  # heights: width of a column of bullets or of numbers
_BLANK: Final = 0.3  # heights, between words
_PART: Final = 0.8  # share of a line: a wider first word is its only word
_CLOSE: Final = 0.75  # heights between lines of running text
_LEAST_FULL: Final = 0.65  # share of full lines in running text
_LEAST_CELLS: Final = 4  # cells of a table
_DEEPEST: Final = 3  # columns within columns
_ROW_GAP: Final = 1.5  # times the gap between lines of a cell
_ROW_STEP: Final = 0.35  # heights that the gap is larger than in a cell


def tables_of(rects: Floats, first: Floats) -> list[Indices]:
    """Return the lines of each table: row by row, and cell by cell, from top to bottom.

    `rects` [L, 4] are left, top, right, bottom of lines on an upright page, in pixels. `first` [L]
    is the width of the first word of each line. The columns of a table have lines at equal heights,
    and these lines are short or far apart. Columns of running text are full and dense.
    """
    return list(_search(rects, first, np.arange(len(rects)), 0)) if len(rects) else []


def _search(rects: Floats, first: Floats, among: Indices, depth: int) -> Iterator[Indices]:
    height = float(np.median(rects[among, 3] - rects[among, 1]))
    for group in _groups(rects, among, _GUTTER * height):
        columns = parts(rects, group, 0, _GUTTER * height)
        if len(columns) < 2:
            continue
        if _is_table(rects, first, columns):
            yield _by_rows(rects, columns)
        elif depth < _DEEPEST:
            for column in (one for one in columns if len(one) >= _LEAST_CELLS):
                yield from _search(rects, first, column, depth + 1)


def parts(rects: Floats, among: Indices, axis: int, least: float) -> list[Indices]:
    """Split rectangles along an axis at empty bands of at least `least` pixels."""
    among = among[np.argsort(rects[among, axis], kind="stable")]
    ends = np.maximum.accumulate(rects[among, axis + 2])
    cuts = np.flatnonzero(rects[among[1:], axis] >= ends[:-1] + least) + 1
    edges = [0, *cuts.tolist(), len(among)]
    return [among[start:end] for start, end in pairwise(edges)]


def _rows(rects: Floats, among: Indices) -> list[Indices]:
    """Split lines into rows that share no height; lines that only touch are two rows."""
    quarter = (rects[:, 3] - rects[:, 1]) / 4
    return parts(rects + np.outer(quarter, [0, 1, 0, -1]), among, 1, 0)


def _groups(rects: Floats, among: Indices, least: float) -> Iterator[Indices]:
    """Yield groups of rows that have a white column in common."""
    group: list[Indices] = []
    covered: Runs = []
    rows = _rows(rects, among)
    for row, runs in zip(rows, _runs_of(rects, rows, least), strict=True):
        both = _united(covered, runs, least)
        if group and len(both) < 2:
            if len(group) > 1:
                yield from _trimmed(rects, group, least)
            group, both = [], runs
        group, covered = [*group, row], both
    yield from _trimmed(rects, group, least)


def _trimmed(rects: Floats, rows: list[Indices], least: float) -> Iterator[Indices]:
    """Leave out rows at both ends that have only one piece."""
    pieces = [len(runs) for runs in _runs_of(rects, rows, least)]
    while pieces and pieces[0] == 1:
        pieces, rows = pieces[1:], rows[1:]
    while pieces and pieces[-1] == 1 and not _is_close(rects, rows):
        pieces, rows = pieces[:-1], rows[:-1]
    if rows:
        yield np.concatenate(rows)


def _is_close(rects: Floats, rows: list[Indices]) -> bool:
    """Say whether the last row continues a cell of the row before."""
    gap = rects[rows[-1], 1].min() - rects[rows[-2], 3].max()
    return bool(gap < 0.6 * np.median(rects[rows[-1], 3] - rects[rows[-1], 1]))


def _runs_of(rects: Floats, rows: list[Indices], least: float) -> list[Runs]:
    """Return the intervals of x that each row covers; gaps below `least` are covered too."""
    if not rows:
        return []
    row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    among = np.concatenate(rows)
    order = np.lexsort((rects[among, 0], row_of))
    row_of, left, right = row_of[order], rects[among[order], 0], rects[among[order], 2]
    # Each row is moved so far to the right that it does not reach the next one.
    shift = row_of * (float(np.ptp(rects[among][:, [0, 2]])) + 1)
    ends = np.maximum.accumulate(right + shift)
    first = np.diff(row_of, prepend=-1) > 0
    first[1:] |= left[1:] + shift[1:] >= ends[:-1] + least
    starts = np.flatnonzero(first)
    ends = np.maximum.reduceat(right, starts)
    runs: list[Runs] = [[] for _ in rows]
    edges = zip(row_of[starts].tolist(), left[starts].tolist(), ends.tolist(), strict=True)
    for row, start, end in edges:
        runs[row].append((start, end))
    return runs


def _united(first: Runs, second: Runs, least: float) -> Runs:
    united: Runs = []
    for start, end in sorted([*first, *second]):
        if united and start < united[-1][1] + least:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united


def _is_table(rects: Floats, first: Floats, columns: list[Indices]) -> bool:
    anchor = min(range(len(columns)), key=lambda index: len(columns[index]))
    lines = rects[columns[anchor][np.argsort(rects[columns[anchor], 1])]]
    if len(lines) < 2:
        return False
    heights = lines[:, 3] - lines[:, 1]
    centres = (lines[:, 1] + lines[:, 3]) / 2
    height = float(np.median(heights))
    for column in (index for index in (anchor - 1, anchor + 1) if 0 <= index < len(columns)):
        others = np.sort(rects[columns[column]][:, [1, 3]].mean(axis=1))
        at = np.searchsorted(others, centres).clip(1, max(1, len(others) - 1))
        nearest = np.minimum(
            np.abs(others[at - 1] - centres), np.abs(others[at.clip(max=len(others) - 1)] - centres)
        )
        if (nearest <= _ALIGNED * height).mean() < _LEAST_ALIGNED:
            return False
    widths = [rects[column, 2] - rects[column, 0] for column in columns]
    if _numbers(rects, columns) is not None:
        return True
    if 2 * sum(_is_running(rects, first, column) for column in columns) > len(columns):
        return False
    blank = 1 - float(np.mean([np.median(width) / width.max() for width in widths]))
    leading = float(np.median(lines[1:, 1] - lines[:-1, 3])) / height
    return blank + leading >= _LEAST_SPARSE


def _is_running(rects: Floats, first: Floats, column: Indices) -> bool:
    """Say whether lines are close, and most have no room for the first word of the next line."""
    if len(column) < 2:
        return False
    column = column[np.argsort(rects[column, 1], kind="stable")]
    left, top, right, bottom = rects[column].T
    width, height = right - left, float(np.median(bottom - top))
    is_full = width[:-1] + _BLANK * height + first[column[1:]] > width.max()
    leading = float(np.median(top[1:] - bottom[:-1])) / height
    several = np.median(first[column] / width) < _PART
    return bool(several and leading <= _CLOSE and is_full.mean() >= _LEAST_FULL)


def _numbers(rects: Floats, columns: list[Indices]) -> Indices | None:
    """Return the column of bullets or numbers, or None. Each of its lines begins a row."""
    among = np.concatenate(columns)
    height = np.median(rects[among, 3] - rects[among, 1])
    widths = [float((rects[column, 2] - rects[column, 0]).max()) for column in columns]
    narrowest = int(np.argmin(widths))
    return columns[narrowest] if widths[narrowest] <= _NUMBERS * height else None


def _by_rows(rects: Floats, columns: list[Indices]) -> Indices:
    column_of = np.zeros(len(rects), np.intp)
    for index, column in enumerate(columns):
        column_of[column] = index
    lines = _rows(rects, np.concatenate(columns))
    tops = np.array([rects[line, 1].min() for line in lines])
    gaps = tops[1:] - np.array([rects[line, 3].max() for line in lines[:-1]])
    least, most = (float(gaps.min()), float(gaps.max())) if len(gaps) else (0.0, 0.0)
    height = float(np.median(rects[lines[0], 3] - rects[lines[0], 1]))
    is_spaced = most > max(_ROW_GAP * least, least + _ROW_STEP * height)
    between = (least + most) / 2 if is_spaced else -np.inf
    row_of, level_of = np.zeros((2, len(rects)), np.intp)
    begins = gaps >= between
    if (numbers := _numbers(rects, columns)) is not None:
        begins = np.array([np.isin(line, numbers).any() for line in lines[1:]], np.bool_)
    rows = np.r_[0, np.cumsum(begins)]
    for level, (row, line) in enumerate(zip(rows, lines, strict=True)):
        row_of[line], level_of[line] = row, level
    among = np.concatenate(columns)
    return among[np.lexsort((rects[among, 0], level_of[among], column_of[among], row_of[among]))]
