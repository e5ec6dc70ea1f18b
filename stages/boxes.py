"""Connected components of a mask as boxes in picture pixels, in reading order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from .contrast import contrasts_of
from .geometry.box import Box, Boxes
from .geometry.contours import outlines
from .geometry.keep import rejected
from .geometry.reading_order import reading_order
from .geometry.rectangles import (
    inside_picture,
    moved_out,
    ribbon,
    sides,
    smallest_rectangle,
    upright,
)
from .geometry.split import cut_necks
from .heatmap import Heatmap
from .scratch import bands
from .settings import KEEP_ALL, Connectivity, Direction, KeepSettings, Shape
from .threshold import Mask

_DECIMALS = 2  # of a written corner; `rect` lies around the rounded corners


def find_boxes(
    mask: Mask,
    heatmap: Heatmap,
    *,
    connectivity: Connectivity = 8,
    min_area: float = 0.0,
    min_side: float = 0.0,
    split: float = 0.0,
    merge: float = 0.0,
    shape: Shape = "upright",
    padding: float = 0.0,
    margin: float = 0.0,
    direction: Direction = "auto",
    keep: KeepSettings = KEEP_ALL,
    rgb: NDArray[np.uint8] | None = None,
    maximum: int = 100_000,
) -> Boxes:
    """Return a box for every connected component of a mask.

    Args:
        mask: bool [K, h, w]. The maps of different labels are independent.
        heatmap: float32 [K, h, w], the heat that the mask was cut from, on the same grid. A score
            is the mean heat of a component.
        connectivity: 8: cells that touch at a corner are one component; 4: they are not.
        min_area: smallest area of a component's cells, in square pixels of the picture.
        min_side: smallest length of a box's shorter side in pixels, before `padding` and `margin`.
        split: cut components where they are thinner than this share of their height; 0: never.
        merge: unite neighbours on a line whose distance is smaller than this, in heights of the
            higher box. Large values give whole lines; 0: never.
        shape: `upright`: rectangles along the sides of the picture; `rotated`: rectangles of the
            smallest area at any angle; `polygon`: the same, and polygons that follow bent
            components.
        padding: how far every side is moved out, in heights of the box. The height is the vertical
            side of an upright rectangle, and the shorter side of any other.
        margin: how far every side is moved out as well, in pixels.
        direction: in which the text runs, see `reading_order`.
        keep: which boxes are kept.
        rgb: uint8 [H, W, 3], the upright picture; only `keep.min_contrast` needs it.
        maximum: how many boxes are kept at most: those with the best scores.
    """
    outer = _Outer(shape, padding, margin, mask.grid.picture)
    found = [
        core
        for component in _components(mask, heatmap, connectivity, min_area, split)
        if min(sides((core := outer.core(component)).rectangle)) >= min_side
    ]
    if merge:
        found = _merged(found, outer, merge, direction)
    scores = [core.component.score for core in found]
    rectangles = _rectangles(found, outer)
    contrasts = contrasts_of(rgb, rectangles) if keep.min_contrast and rgb is not None else None
    gone, filtered = rejected(rectangles, scores, keep, contrasts)
    found = [core for core, is_gone in zip(found, gone, strict=True) if not is_gone]
    found.sort(key=lambda core: -core.component.score)
    kept = found[:maximum]
    return Boxes(_read(kept, outer, direction), len(found) - len(kept), filtered)


@dataclass(frozen=True)
class _Component:
    """Label, mean heat, number of cells, and points [n, 2] on the outline in pixels."""

    label: str
    score: float
    cells: int
    points: NDArray[np.float64]


@dataclass(frozen=True)
class _Core:
    """A component and the rectangle [4, 2] around it."""

    component: _Component
    rectangle: NDArray[np.float64]


def _components(
    mask: Mask, heatmap: Heatmap, connectivity: Connectivity, min_area: float, split: float
) -> list[_Component]:
    least = max(1, math.ceil(min_area / mask.grid.cell_area()))
    found = []
    maps = zip(mask.labels, mask.values, heatmap.values, mask.levels, strict=True)
    for label, foreground, heat, level in maps:
        cells = cut_necks(foreground, split) if split else foreground
        count, marks, stats, _ = cv2.connectedComponentsWithStats(
            cells.view(np.uint8), connectivity=connectivity
        )
        sums = np.zeros(count)
        for rows in bands(len(marks)):  # whole maps would take 16 bytes per cell
            sums += np.bincount(marks[rows].ravel(), heat[rows].ravel(), minlength=count)
        points = outlines(np.asarray(marks, np.int32), heat, mask.grid, level)
        areas = stats[:, cv2.CC_STAT_AREA].tolist()
        found += [
            _Component(label, float(sums[mark] / areas[mark]), areas[mark], points[mark - 1])
            for mark in range(1, count)
            if areas[mark] >= least
        ]
    return found


@dataclass(frozen=True)
class _Outer:
    """How an outline becomes a box."""

    shape: Shape
    padding: float
    margin: float
    picture: tuple[int, int]

    def core(self, component: _Component) -> _Core:
        # A single cell has one point on each of its four sides. These points show no angle.
        straight = self.shape == "upright" or len(component.points) <= 4
        return _Core(component, (upright if straight else smallest_rectangle)(component.points))

    def height(self, rectangle: NDArray[np.float64]) -> float:
        length, height = sides(rectangle)
        return height if self.shape == "upright" else min(length, height)

    def grown(self, core: _Core) -> NDArray[np.float64]:
        distance = self.padding * self.height(core.rectangle) + self.margin
        return moved_out(core.rectangle, distance)

    def box(self, core: _Core, grown: NDArray[np.float64]) -> Box:
        bent = None
        if self.shape == "polygon":
            bent = ribbon(core.component.points, core.rectangle, self.padding, self.margin)
        polygon = inside_picture(grown if bent is None else bent, self.picture).round(_DECIMALS)
        # After rounding, a sliver may lie on the line between two pixels. It gets one of them.
        first = np.minimum(np.floor(polygon.min(axis=0)), np.array(self.picture) - 1)
        last = np.maximum(np.ceil(polygon.max(axis=0)), first + 1)
        left, top, right, bottom = np.concatenate([first, last]).astype(int).tolist()
        points = tuple((x, y) for x, y in polygon.tolist())
        component = core.component
        return Box(component.label, component.score, points, (left, top, right, bottom))


def _read(cores: Sequence[_Core], outer: _Outer, direction: Direction) -> tuple[Box, ...]:
    """Return the boxes in reading order."""
    rectangles = _rectangles(cores, outer)
    return tuple(
        replace(outer.box(cores[i], rectangles[i]), **place)
        for i, place in reading_order(rectangles, direction).places()
    )


def _rectangles(cores: Sequence[_Core], outer: _Outer) -> NDArray[np.float64]:
    """Return the corners [N, 4, 2] of the rectangle of each box."""
    return np.array([outer.grown(core) for core in cores], np.float64).reshape(-1, 4, 2)


def _merged(cores: list[_Core], outer: _Outer, merge: float, direction: Direction) -> list[_Core]:
    """Unite neighbours on a line that are at most `merge` heights of the higher one apart."""
    rectangles = _rectangles(cores, outer)
    read = reading_order(rectangles, direction)
    order, line = np.array(read.boxes, np.intp), np.array(read.lines, np.intp)
    height = np.array([outer.height(rectangles[i]) for i in order])
    label = np.array([cores[i].component.label for i in order])
    shapes = np.asarray(shapely.polygons(rectangles[order]))
    near = (
        (shapely.distance(shapes[:-1], shapes[1:]) <= merge * np.maximum(height[:-1], height[1:]))
        & (line[:-1] == line[1:])
        & (label[:-1] == label[1:])
    )
    groups = np.split(order, 1 + np.flatnonzero(~near)) if len(order) else []
    return [_united([cores[i] for i in group], outer) for group in groups]


def _united(cores: Sequence[_Core], outer: _Outer) -> _Core:
    if len(cores) == 1:
        return cores[0]
    parts = [core.component for core in cores]
    cells = sum(part.cells for part in parts)
    score = sum(part.score * part.cells for part in parts) / cells
    points = np.concatenate([part.points for part in parts])
    return outer.core(_Component(parts[0].label, score, cells, points))
