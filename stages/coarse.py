"""Letters too large for the network, taken from the map of a smaller copy of the picture."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry.grid import Grid, resample

_TEXT = 0.5  # heat of a core
_SURE = 0.8  # heat that the hottest cell of a large core must reach
_LEAST = 5.0  # cells of the smaller map; the larger scale finds thinner cores better
_MOST = 80.0  # cells of the larger map; letters of 640 pixels are found at a sixteenth of the size
_AROUND = 0.5  # how far a word reaches beyond its core, in units of the core's shorter side
_FOUND = 0.15  # share of a large core; if smaller cores cover more, they are text of their own

Heat = NDArray[np.float32]
Cells = NDArray[np.bool_]


class _Core(NamedTuple):
    """A component of a map, and the shorter side of the rectangle around it, in cells."""

    cells: Cells
    thickness: float


def add_large(heat: Heat, grid: Grid, smaller: Heat, its_grid: Grid) -> None:
    """Add the large cores of a smaller copy's map to a map, in place.

    A core counts if it is thick and sure, and if the larger scale has found no text there. It
    replaces what the larger scale has found there: pieces of a letter's outline, and blobs too
    thick for the field of the network. So a word that both scales find is one component.

    Args:
        heat: float32 [h, w] in 0..1, calibrated.
        grid: where the cells of `heat` lie.
        smaller: float32 [h', w'] in 0..1, calibrated: the map of the smaller copy.
        its_grid: where the cells of `smaller` lie.
    """
    large = _cores(smaller, _LEAST)
    if not large:
        return
    _, found = cv2.connectedComponents((heat > _TEXT).view(np.uint8), connectivity=8)
    marks = np.asarray(found, np.int32)
    sizes = np.bincount(marks.ravel())
    sure = np.zeros(len(sizes), np.bool_)  # other components give no box
    sure[marks[heat > _SURE]] = True
    thick = [np.flatnonzero(np.bincount(marks[core.cells]))[-1] for core in _cores(heat, _MOST)]
    for core in large:
        alone = np.where(_grown(core.cells, 1.5), smaller, np.float32(0))
        added = resample(alone[None], its_grid, grid)[0]
        inside = _moved(core.cells, its_grid, grid)
        word = _moved(_grown(core.cells, _AROUND * core.thickness), its_grid, grid)
        within = np.bincount(marks[word], minlength=len(sizes)) > 0.5 * sizes
        covered = np.bincount(marks[inside], minlength=len(sizes))
        beyond = np.zeros_like(within)
        beyond[thick] = covered[thick] > 0.5 * np.minimum(inside.sum(), sizes[thick])
        within[0], covered[0] = False, 0
        is_text = covered[sure & ~beyond].sum() > _FOUND * inside.sum()
        if is_text or beyond.sum() > 1 or added.max() <= _SURE:
            continue
        unsure = ~sure & (covered > 0)
        heat[(within | beyond | unsure)[marks]] = 0
        np.maximum(heat, added, out=heat)


def _cores(heat: Heat, least: float) -> list[_Core]:
    """Return the components that are at least so many cells thick."""
    count, found, stats, _ = cv2.connectedComponentsWithStats(
        (heat > _TEXT).view(np.uint8), connectivity=8
    )
    marks = np.asarray(found, np.int32)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    cores = []
    for mark in 1 + np.flatnonzero(sides[1:count] >= least):
        cells = marks == mark
        points = np.argwhere(cells).astype(np.float32)
        thickness = 1 + min(cv2.minAreaRect(points)[1])
        if thickness >= least:
            cores.append(_Core(cells, thickness))
    return cores


def _grown(cells: Cells, distance: float) -> Cells:
    """Return the cells within a distance, in cells, of the given ones."""
    away = cv2.distanceTransform((~cells).view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away <= distance, np.bool_)


def _moved(cells: Cells, source: Grid, target: Grid) -> Cells:
    """Return the same cells on another grid."""
    moved = resample(cells[None].astype(np.float32), source, target)
    return np.asarray(moved[0] > 0.5, np.bool_)
