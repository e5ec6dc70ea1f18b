"""Lines of words with baselines, in whole pixels, for PAGE, ALTO and hOCR."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from ...stages.geometry.box import Box, Point
from ...stages.geometry.directions import turned
from ...stages.geometry.rectangles import upright
from ...stages.settings import TextDirection
from ..output.box_json import Page
from .crops import Quad, is_curved, quad_of

Pixel = tuple[int, int]
Rect = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels."""

_BASELINE: Final = 0.75  # share of the height from the top; kraken does the same for a bare box
_SHORTEST: Final = 5  # pixels: kraken refuses shorter baselines


@dataclass(frozen=True)
class Reading:
    """What an OCR engine read in a box, with its confidence in 0..1."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Word:
    """A box as a word.

    `index` is that of the box on the page. `polygon` runs clockwise from the top-left corner, in
    whole pixels inside the page. `reading` is None where nothing was read.
    """

    index: int
    box: Box
    polygon: tuple[Pixel, ...]
    reading: Reading | None

    @property
    def rect(self) -> Rect:
        """The upright rectangle around it: left, top, right, bottom."""
        return around([self.polygon])


@dataclass(frozen=True)
class Line:
    """Words in reading order, with a polygon around them.

    `baseline` has two or more points in reading direction, at least 5 pixels apart if the page
    allows.
    """

    words: tuple[Word, ...]
    polygon: tuple[Pixel, ...]
    baseline: tuple[Pixel, ...]

    @property
    def rect(self) -> Rect:
        """The upright rectangle around it: left, top, right, bottom."""
        return around([self.polygon])


@dataclass(frozen=True)
class TextBlock:
    """Lines in reading order, of one direction: ltr, rtl or ttb."""

    lines: tuple[Line, ...]

    @property
    def direction(self) -> TextDirection:
        """Direction of the text."""
        return self.lines[0].words[0].box.direction

    @property
    def rect(self) -> Rect:
        """The upright rectangle around it: left, top, right, bottom."""
        return around(line.polygon for line in self.lines)


def blocks_of(page: Page, readings: Mapping[int, Reading]) -> tuple[TextBlock, ...]:
    """Return the blocks of a page in reading order; `readings` are by index of the box."""
    lines = lines_of(page, readings)
    of_blocks = groupby(lines, key=lambda line: line.words[0].box.block)
    return tuple(TextBlock(tuple(of_block)) for _, of_block in of_blocks)


def lines_of(page: Page, readings: Mapping[int, Reading]) -> tuple[Line, ...]:
    """Return the lines of a page in reading order; `readings` are by index of the box."""
    words = (
        Word(i, box, _whole(np.array(box.polygon), page), readings.get(i))
        for i, box in enumerate(page.boxes)
    )
    return tuple(
        _line(tuple(of_line), page) for _, of_line in groupby(words, key=lambda word: word.box.line)
    )


def around(polygons: Iterable[Iterable[Pixel]]) -> Rect:
    """Return left, top, right, bottom of the rectangle around polygons."""
    points = [point for polygon in polygons for point in polygon]
    x, y = [point[0] for point in points], [point[1] for point in points]
    return min(x), min(y), max(x), max(y)


def outline(boxes: Sequence[Box]) -> tuple[Point, ...]:
    """Return the polygon of a line: that of its only box, or a rectangle around several.

    Its corners are in pixels, clockwise from the top-left one in reading direction.
    """
    if len(boxes) == 1:
        return boxes[0].polygon
    rectangle = _rectangle_along([quad_along(box) for box in boxes])
    return tuple((float(x), float(y)) for x, y in rectangle)


def quad_along(box: Box) -> Quad:
    """Return the corners [4, 2] of a box, from the top-left one in the direction of its text."""
    quad = quad_of(box.polygon)
    return turned(quad[None], "ttb")[0] if box.direction == "ttb" else quad


def _line(words: tuple[Word, ...], page: Page) -> Line:
    corners = outline([word.box for word in words])
    return Line(words, _whole(np.array(corners), page), _baseline(corners, page))


def _rectangle_along(quads: list[Quad]) -> NDArray[np.float64]:
    """Return the corners [4, 2] of the rectangle around words, in their mean direction."""
    x, y = np.sum([quad[1] - quad[0] for quad in quads], axis=0)
    length = math.hypot(x, y)
    along = np.array([x, y]) / length if length > 1e-6 else np.array([1.0, 0.0])
    axes = np.array([along, [-along[1], along[0]]])
    return np.asarray(upright(np.concatenate(quads) @ axes.T) @ axes)


def _baseline(polygon: Iterable[Point], page: Page) -> tuple[Pixel, ...]:
    corners = np.array(list(polygon), np.float64)
    if not is_curved(corners):
        corners = quad_of([(x, y) for x, y in corners])
    half = len(corners) // 2
    top, bottom = corners[:half], corners[half:][::-1]
    line = _inside(top + _BASELINE * (bottom - top), page)
    if math.dist(line[0], line[-1]) >= _SHORTEST:
        return line
    (x, y), last = line[0], page.width - 1
    left = max(0, min(x, last - _SHORTEST))
    return (left, y), (min(last, left + _SHORTEST), y)


def _whole(polygon: NDArray[np.float64], page: Page) -> tuple[Pixel, ...]:
    """Return a polygon in whole pixels; if it becomes empty, the rectangle around it."""
    points = _inside(polygon, page)
    if len(points) >= 3 and Polygon(points).is_valid:
        return points
    left, top, right, bottom = around([points])
    left, top = min(left, max(0, page.width - 2)), min(top, max(0, page.height - 2))
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _inside(polygon: NDArray[np.float64], page: Page) -> tuple[Pixel, ...]:
    """Return points in whole pixels up to the last column and row: kraken refuses more."""
    last = (page.width - 1, page.height - 1)
    whole = polygon.round().clip(0, last).astype(int).tolist()
    return tuple(point for point, _ in groupby((x, y) for x, y in whole))
