"""What an engine is given at a time, a box or all boxes of a line, and which text is whose."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ...stages.geometry.box import Box
from ..export.crops import Crop, cut
from ..export.lines import Reading, outline
from .engine import Engine, Seen
from .settings import Unit


def readings(
    engine: Engine, rgb: NDArray[np.uint8], boxes: Sequence[Box], unit: Unit, seconds: float
) -> list[Reading]:
    """Return what an engine reads in each of the boxes of an upright page, uint8 [H, W, 3]."""
    together = groups(boxes, unit)
    crops = [cut(rgb, outline(one), padding=engine.padding) for one in together]
    seen = engine.read([crop.pixels for crop in crops], seconds) if crops else []
    return [reading for found in map(assigned, seen, crops, together) for reading in found]


def groups(boxes: Sequence[Box], unit: Unit) -> list[tuple[Box, ...]]:
    """Return the boxes to read together: each one alone, or those of a line in reading order."""
    if unit == "word":
        return [(box,) for box in boxes]
    return [tuple(of_line) for _, of_line in groupby(boxes, key=lambda box: box.line)]


def assigned(seen: Sequence[Seen], crop: Crop, boxes: Sequence[Box]) -> list[Reading]:
    """Return the text of each of the boxes of a crop; a word belongs where most of its width lies.

    Words outside all boxes are dropped: Tesseract sees dashes in wide blanks.
    """
    if len(boxes) == 1:
        return [joined(seen)]
    spans = [_span(box, crop) for box in boxes]
    of_box: list[list[Seen]] = [[] for _ in boxes]
    for word in seen:
        shared = [min(right, word.right) - max(left, word.left) for left, right in spans]
        if max(shared) > 0:
            of_box[shared.index(max(shared))].append(word)
    return [joined(words) for words in of_box]


def joined(seen: Sequence[Seen]) -> Reading:
    """Return everything as one reading, as sure as its parts are on average."""
    if not seen:
        return Reading("", 0.0)
    mean = sum(word.confidence for word in seen) / len(seen)
    return Reading(" ".join(word.text for word in seen), mean)


def _span(box: Box, crop: Crop) -> tuple[float, float]:
    """Return where a box begins and ends on a crop, in pixels from its left edge."""
    corners = np.array([(x, y, 1.0) for x, y in box.polygon])
    x, _, w = np.linalg.inv(crop.to_page) @ corners.T
    return float((x / w).min()), float((x / w).max())
