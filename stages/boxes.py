"""Connected components of a mask as boxes in picture pixels, in reading order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .heatmap import Heatmap
from .lines import reading_order
from .outlines import outlines
from .shapes import inside_picture, moved_out, ribbon, sides, smallest_rectangle, upright
from .threshold import Mask

__all__ = ["Box", "Boxes", "Connectivity", "Point", "Shape", "find_boxes"]

Connectivity = Literal[4, 8]
Shape = Literal["upright", "rotated", "polygon"]
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
    margin: float = 0.0,
    maximum: int = 1000,
) -> Boxes:
    """Return a box for every connected component of a mask.

    Args:
        mask: bool [K, h, w]; components of different labels are independent.
        heatmap: the heat that the mask was cut from, on the same grid; scores are means of it.
        connectivity: whether cells that touch at a corner are one component (8) or not (4).
        min_area: smallest area of a component's cells, in square pixels of the picture.
        min_side: smallest length of a box's shorter side before it is moved out, in pixels.
        shape: `upright` rectangles, `rotated` ones of the smallest area at any angle, or those and,
            where a component is bent, a `polygon` that follows it.
        padding: how far every side is moved out, in units of the box's height (of an upright
            rectangle the vertical side, else the shorter one).
        margin: and in pixels.
        maximum: how many boxes at most; the best scores stay.
    """
    found = _components(mask, heatmap, connectivity, min_area)
    found.sort(key=lambda component: -component.score)
    outer = _Outer(shape, min_side, padding, margin, mask.grid.picture)
    boxes = (box for component in found if (box := outer.box(component)) is not None)
    kept = list(islice(boxes, maximum))
    dropped = sum(1 for _ in boxes)
    rectangles = np.array([rectangle for _, rectangle in kept], np.float64).reshape(-1, 4, 2)
    order, lines = reading_order(rectangles)
    items = tuple(replace(kept[i][0], line=line) for i, line in zip(order, lines, strict=True))
    return Boxes(items, dropped)


@dataclass(frozen=True)
class _Component:
    """A component: its label, mean heat, and points [n, 2] on its outline in pixels."""

    label: str
    score: float
    points: NDArray[np.float64]


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
        points = outlines(marks, heat, mask.grid)
        areas = stats[:, cv2.CC_STAT_AREA]
        found += [
            _Component(label, float(sums[mark] / areas[mark]), points[mark - 1])
            for mark in (1 + np.flatnonzero(areas[1:] >= least)).tolist()
        ]
    return found


@dataclass(frozen=True)
class _Outer:
    """What becomes of an outline."""

    shape: Shape
    min_side: float
    padding: float
    margin: float
    picture: tuple[int, int]

    def box(self, component: _Component) -> tuple[Box, NDArray[np.float64]] | None:
        """Return the box and the rectangle [4, 2] it stands in; None if that is too small."""
        # A single cell has a point on each of its four sides: no angle can be told from that.
        straight = self.shape == "upright" or len(component.points) <= 4
        rectangle = (upright if straight else smallest_rectangle)(component.points)
        length, height = sides(rectangle)
        if min(length, height) < self.min_side:
            return None
        if self.shape != "upright":
            height = min(length, height)
        grown = moved_out(rectangle, self.padding * height + self.margin)
        bent = None
        if self.shape == "polygon":
            bent = ribbon(component.points, rectangle, self.padding, self.margin)
        polygon = inside_picture(grown if bent is None else bent, self.picture)
        return _box(component, polygon), grown


def _box(component: _Component, polygon: NDArray[np.float64]) -> Box:
    left, top = np.floor(polygon.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(polygon.max(axis=0)).astype(int).tolist()
    points = tuple((x, y) for x, y in polygon.tolist())
    return Box(component.label, component.score, points, (left, top, right, bottom))
