"""Cuts boxes out for engines: a line as a straight strip, a column with upright letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stages.geometry.box import Box
from ..export.crops import Crop, cut, is_curved, straightened
from ..export.lines import outline, quad_along

Floats = NDArray[np.float64]
Spans = tuple[tuple[float, float], ...]
"""Begin and end of each box on the strip of its line, in pixels from the left edge."""

_DEGREE: Final = 4
_GAIN: Final = 0.9  # a curve of higher degree must make the strip lower than this share
_LEVEL: Final = 1.5  # largest height of a level strip, in usual heights of its boxes
_STATIONS: Final = 100  # points on a curve
_MOST_OUT: Final = 0.1  # share of the boxes of a line that may reach out
_INK: Final = 0.4  # share of the largest difference from paper: more is ink
_TALLEST: Final = 1.15  # largest height of a letter, in widths of a column
_LONG: Final = 1.6  # widths of a column: a higher piece is several letters that touch
_ROOM: Final = 0.08  # widths of a column around a letter
_BLANK: Final = 0.9  # widths of a column: a larger gap separates words


@dataclass(frozen=True, eq=False)
class LineStrip:
    """Boxes of a line in one picture, uint8 [h, w, 3] sRGB; the text runs to the right."""

    pixels: NDArray[np.uint8]
    spans: Spans


def strip_of(rgb: NDArray[np.uint8], boxes: Sequence[Box], padding: float) -> LineStrip:
    """Cut one or more boxes of a line out of an upright page, uint8 [H, W, 3].

    A strip follows a curve through its boxes if that makes it lower than the rectangle around them.
    Vertical text also runs to the right, so its letters lie on their left side. `padding` is added
    on every side, in heights of the strip.
    """
    edges = _curved_edges(boxes) if len(boxes) > 1 else None
    if edges is None:
        vertical = len(boxes) == 1 and boxes[0].direction == "ttb"
        polygon = [(x, y) for x, y in quad_along(boxes[0]).tolist()] if vertical else outline(boxes)
        crop = cut(rgb, polygon, padding=padding)
        return LineStrip(crop.pixels, tuple(_span(box, crop) for box in boxes))
    top, bottom = edges
    middle = (top + bottom) / 2
    steps = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    along = np.insert(np.cumsum(steps), 0, 0.0) + padding * float(np.hypot(*(bottom - top)[0]))
    corners = [np.array(box.polygon, np.float64) for box in boxes]
    nearest = [along[_distances(one, middle).argmin(axis=1)] for one in corners]
    spans = tuple((float(at.min()), float(at.max())) for at in nearest)
    return LineStrip(straightened(rgb, top, bottom, padding).pixels, spans)


def is_level(boxes: Sequence[Box]) -> bool:
    """Say whether the strip of two or more boxes is hardly higher than the boxes."""
    edges = _curved_edges(boxes)
    rectangle = np.array(outline(boxes))
    across = rectangle[3] - rectangle[0] if edges is None else (edges[1] - edges[0])[0]
    quads = np.stack([quad_along(box) for box in boxes])
    usual = np.median(np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1))
    return bool(np.hypot(*across) <= _LEVEL * usual)


def _span(box: Box, crop: Crop) -> tuple[float, float]:
    corners = np.array([(x, y, 1.0) for x, y in box.polygon])
    x, _, w = np.linalg.inv(crop.to_page) @ corners.T
    return float((x / w).min()), float((x / w).max())


def _distances(points: Floats, others: Floats) -> Floats:
    """Return distances [n, m] of points [n, 2] from others [m, 2]."""
    return np.asarray(np.linalg.norm(points[:, None] - others, axis=2))


def _curved_edges(boxes: Sequence[Box]) -> tuple[Floats, Floats] | None:
    """Return top and bottom [S, 2] of a ribbon along a line; None: a rectangle is as good.

    The middle is a polynomial over the length of the line, fitted to the middle lines of the boxes
    by least squares. A higher degree is used only if it makes the ribbon clearly lower. A straight
    ribbon can also be better than a rectangle: tilted boxes of short words tilt the rectangle.
    """
    quads = np.stack([quad_along(box) for box in boxes])
    mean = (quads[:, 1] - quads[:, 0]).sum(axis=0)
    order = np.argsort(quads.mean(axis=1) @ mean, kind="stable")
    stations = np.concatenate([_middle_line(boxes[i], quads[i]) for i in order])
    corners = [np.array(boxes[i].polygon, np.float64) for i in order]
    rectangle = np.array(outline(boxes))
    steps = np.linalg.norm(np.diff(stations, axis=0), axis=1)
    at = np.insert(np.cumsum(steps), 0, 0.0)
    at = 2 * at / max(float(at[-1]), 1e-9) - 1
    best, edges = float(np.hypot(*(rectangle[3] - rectangle[0]))), None
    for degree in range(1, min(_DEGREE, len(boxes)) + 1):
        curve = np.polynomial.polynomial.polyfit(at, stations, degree)
        found = _edges(curve, corners)
        height = float(np.hypot(*(found[1] - found[0])[0]))
        if height < _GAIN * best:
            edges = found
        best = min(best, height)
    return edges


def _middle_line(box: Box, quad: Floats) -> Floats:
    """Return points [n, 2] in the middle between top and bottom of a box, in reading direction."""
    corners = np.array(box.polygon)
    if box.direction != "ttb" and is_curved(corners):
        half = len(corners) // 2
        return np.asarray((corners[:half] + corners[half:][::-1]) / 2)
    start, end = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    return np.stack([start, (start + end) / 2, end])


def _edges(curve: Floats, corners: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return top and bottom [S, 2] of the ribbon around boxes along a curve; `corners` are [n, 2].

    A tenth of the boxes may reach out of the ribbon: such boxes are tilted, or contain a part of
    the next line.
    """
    at = np.linspace(-1, 1, _STATIONS)
    powers = np.polynomial.polynomial.polyval
    middle = np.asarray(powers(at, curve).T, np.float64)
    along = powers(at, np.polynomial.polynomial.polyder(curve)).T
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    # The curve may end inside the first or the last box.
    for end, sign in ((0, -1), (-1, 1)):
        beyond = max(0.0, float((sign * (corners[end] - middle[end]) @ along[end]).max()))
        middle[end] += sign * beyond * along[end]
    down: Floats = np.stack([-along[:, 1], along[:, 0]], axis=1)
    highest, lowest = [], []
    for one in corners:
        nearest = _distances(one, middle).argmin(axis=1)
        off = np.einsum("nd,nd->n", one - middle[nearest], down[nearest])
        highest.append(float(off.min()))
        lowest.append(float(off.max()))
    top = np.quantile(highest, _MOST_OUT, method="lower")
    bottom = np.quantile(lowest, 1 - _MOST_OUT, method="higher")
    return middle + top * down, middle + bottom * down


def upright_letters(strip: LineStrip) -> LineStrip:
    """Turn the letters of a vertical strip upright, side by side, on the colour of its edge."""
    column = np.rot90(strip.pixels, -1)
    paper = np.median(np.concatenate([column[:, 0], column[:, -1]]), axis=0).astype(np.uint8)
    off = np.abs(column.astype(np.int16) - paper).max(axis=2)
    ink = off > _INK * max(1, int(off.max()))
    left, right = _extent(ink)
    em = right - left
    pieces = _letters(ink.any(axis=1), em) or [(0, len(column))]
    room = round(_ROOM * em)
    tall = max(end - start for start, end in pieces) + 2 * room
    row: list[NDArray[np.uint8]] = []
    places: list[int] = []
    before, done = pieces[0][0], 0
    for start, end in pieces:
        left, right = _extent(ink[start:end])
        blank = em // 2 if start - before > _BLANK * em else 0
        cell = np.tile(paper, (tall, blank + right - left + 2 * room, 1))
        top, first = (tall - end + start) // 2, blank + room
        cell[top : top + end - start, first : first + right - left] = column[start:end, left:right]
        row.append(cell)
        places += [done + blank, done + cell.shape[1]]
        before, done = end, done + cell.shape[1]
    edges = np.array(pieces, np.float64).ravel()
    spans = np.interp(strip.spans, edges, places)
    return LineStrip(np.concatenate(row, axis=1), tuple((a, b) for a, b in spans.tolist()))


def _extent(ink: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first column of ink [h, w] and the column after the last; all if there is none."""
    some = np.flatnonzero(ink.any(axis=0))
    return (int(some[0]), int(some[-1]) + 1) if len(some) else (0, ink.shape[1])


def _letters(has_ink: NDArray[np.bool_], em: int) -> list[tuple[int, int]]:
    """Return the first row of each letter of a column, and the row after its last.

    Rows without ink separate letters. Pieces that are together no higher than a letter are one
    letter. Letters that touch are cut evenly.
    """
    edges = np.flatnonzero(np.diff(has_ink, prepend=False, append=False)).reshape(-1, 2).tolist()
    whole: list[list[int]] = []
    for start, end in edges:
        if whole and end - whole[-1][0] <= _TALLEST * em:
            whole[-1][1] = end
        else:
            whole.append([start, end])
    letters: list[tuple[int, int]] = []
    for start, end in whole:
        count = max(1, round((end - start) / em)) if end - start > _LONG * em else 1
        cuts = np.linspace(start, end, count + 1).round().astype(int).tolist()
        letters += pairwise(cuts)
    return letters
