"""Connected components of a mask as boxes in picture pixels, in reading order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .heatmap import Heatmap
from .lines import reading_order
from .threshold import Mask

__all__ = ["Box", "Boxes", "Connectivity", "Point", "Shape", "find_boxes"]

Connectivity = Literal[4, 8]
Shape = Literal["upright", "rotated"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """One thing found, in the frame of the upright picture.

    Attributes:
        label: name of the map it was found on.
        score: mean heat inside, 0..1.
        polygon: 4 or more corners (x, y), clockwise from the top-left one in reading direction,
            inside the picture.
        rect: the pixels around the polygon: left, top, right, bottom, half-open.
        line: index of the text line it stands in.
        class_: the class that the hotspot was classified as, where that was asked for.
        probability: of that class.
    """

    label: str
    score: float
    polygon: tuple[Point, ...]
    rect: tuple[int, int, int, int]
    line: int = 0
    class_: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Boxes:
    """What was found on a picture.

    Attributes:
        items: the boxes in reading order.
        dropped: how many more there were than the maximum asked for; the best scores were kept.
    """

    items: tuple[Box, ...]
    dropped: int = 0


def find_boxes(
    mask: Mask,
    heatmap: Heatmap,
    *,
    connectivity: Connectivity = 8,
    min_area: float = 0.0,
    min_side: float = 0.0,
    shape: Shape = "upright",
    padding: float = 0.0,
    maximum: int = 1000,
) -> Boxes:
    """Return a box for every connected component of a mask.

    Args:
        mask: bool [K, h, w]; components of different labels are independent.
        heatmap: the heat that the scores are means of, on the mask's grid.
        connectivity: whether cells that touch at a corner are one component (8) or not (4).
        min_area: smallest area of a component's cells, in square pixels of the picture.
        min_side: smallest length of a box's shorter side before padding, in pixels.
        shape: `upright` rectangles, or `rotated` ones of the smallest area at any angle.
        padding: how far every side is moved out, in units of the box's height (a rotated one's
            shorter side).
        maximum: how many boxes at most; the best scores stay.
    """
    found = _components(mask, heatmap, connectivity, min_area)
    found.sort(key=lambda component: -component.score)
    box_of = _rotated_box if shape == "rotated" else _upright_box
    boxes = (
        box for component in found if (box := box_of(component, min_side, padding)) is not None
    )
    kept = list(islice(boxes, maximum))
    dropped = sum(1 for _ in boxes)
    order, lines = reading_order(np.array([box.rect for box in kept], np.float64).reshape(-1, 4))
    items = tuple(replace(kept[i], line=line) for i, line in zip(order, lines, strict=True))
    return Boxes(items, dropped)


@dataclass(frozen=True)
class _Component:
    label: str
    grid: Grid
    marks: NDArray[np.int32]  # [h, w], the components of its map
    mark: int
    rows: slice
    columns: slice
    score: float


def _components(
    mask: Mask, heatmap: Heatmap, connectivity: Connectivity, min_area: float
) -> list[_Component]:
    least = max(1, math.ceil(min_area / mask.grid.cell_area()))
    found = []
    for label, cells, heat in zip(mask.labels, mask.values, heatmap.values, strict=True):
        count, marks, stats, _ = cv2.connectedComponentsWithStats(
            cells.view(np.uint8), connectivity=connectivity
        )
        sums = np.bincount(marks.ravel(), weights=heat.ravel(), minlength=count)
        for mark in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= least):
            left, top, width, height, area = stats[mark].tolist()
            rows, columns = slice(top, top + height), slice(left, left + width)
            score = float(sums[mark] / area)
            found.append(_Component(label, mask.grid, marks, int(mark), rows, columns, score))
    return found


def _upright_box(component: _Component, min_side: float, padding: float) -> Box | None:
    grid, rows, columns = component.grid, component.rows, component.columns
    left, right = (float(grid.left_edges[column]) for column in (columns.start, columns.stop))
    top, bottom = (float(grid.top_edges[row]) for row in (rows.start, rows.stop))
    if min(right - left, bottom - top) < min_side:
        return None
    pad = padding * (bottom - top)
    left, top = max(left - pad, 0.0), max(top - pad, 0.0)
    right, bottom = min(right + pad, grid.picture[0]), min(bottom + pad, grid.picture[1])
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    rect = (math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
    return Box(component.label, component.score, corners, rect)


def _rotated_box(component: _Component, min_side: float, padding: float) -> Box | None:
    corners = _smallest_rectangle(_outline(component))
    height = float(np.linalg.norm(np.diff(corners[:3], axis=0), axis=1).min())
    if height < min_side:
        return None
    polygon = _inside(_moved_out(corners, padding * height), component.grid.picture)
    left, top = np.floor(polygon.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(polygon.max(axis=0)).astype(int).tolist()
    points = tuple((float(x), float(y)) for x, y in polygon)
    return Box(component.label, component.score, points, (left, top, right, bottom))


def _outline(component: _Component) -> NDArray[np.float64]:
    """Return the corners, in pixels, of the first and last cell of every row: [4 * rows, 2]."""
    rows, columns = component.rows, component.columns
    cells = component.marks[rows, columns] == component.mark
    first = columns.start + cells.argmax(axis=1)
    last = columns.stop - cells[:, ::-1].argmax(axis=1)
    lines = np.arange(rows.start, rows.stop)
    x, y = component.grid.left_edges, component.grid.top_edges
    return np.concatenate(
        [
            np.stack([x[column], y[line]], axis=1)
            for column in (first, last)
            for line in (lines, lines + 1)
        ]
    )


def _smallest_rectangle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners [4, 2] of the smallest rectangle around points.

    Clockwise from the top-left corner in reading direction: text runs along the longer side, or,
    in what is nearly a square, along the side nearest to the horizontal; left to right, or
    downwards where it is vertical.
    """
    corners = cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(np.float64)
    if _signed_area(corners) < 0:
        corners = corners[::-1]
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.maximum(np.linalg.norm(edges, axis=1), 1e-9)
    # A hair of "downwards" decides between the two directions of a vertical edge.
    rightwards = edges @ np.array([1.0, 0.02]) / lengths
    is_long = lengths > 0.8 * lengths.max()
    return np.roll(corners, -int(np.argmax(rightwards + 4 * is_long)), axis=0)


def _signed_area(polygon: NDArray[np.float64]) -> float:
    """Return the area, positive where the polygon runs clockwise on the screen (y down)."""
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _moved_out(corners: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Return a rectangle [4, 2] with every side moved out by a distance in pixels."""
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    along = along / max(float(np.linalg.norm(along)), 1e-9) * distance
    down = down / max(float(np.linalg.norm(down)), 1e-9) * distance
    outwards = np.array([-along - down, along - down, along + down, -along + down])
    return np.asarray(corners + outwards)


def _inside(polygon: NDArray[np.float64], picture: tuple[int, int]) -> NDArray[np.float64]:
    """Return the part of a convex polygon that lies inside the picture (Sutherland-Hodgman)."""
    for axis, limit, sign in ((0, 0, 1), (0, picture[0], -1), (1, 0, 1), (1, picture[1], -1)):
        polygon = _clipped(polygon, axis, float(limit), sign)
    return polygon


def _clipped(
    polygon: NDArray[np.float64], axis: int, limit: float, sign: int
) -> NDArray[np.float64]:
    """Return the part of a convex polygon where sign * (coordinate - limit) >= 0."""
    depth = sign * (polygon[:, axis] - limit)
    if (depth >= 0).all():
        return polygon
    kept: list[NDArray[np.float64]] = []
    for i, (point, inside) in enumerate(zip(polygon, depth >= 0, strict=True)):
        previous = i - 1
        if inside != (depth[previous] >= 0):
            share = depth[previous] / (depth[previous] - depth[i])
            crossing = polygon[previous] + share * (point - polygon[previous])
            crossing[axis] = limit
            kept.append(crossing)
        if inside:
            kept.append(point)
    return np.array(kept)
