"""Joins words into text lines, for ground truth that has only lines."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from ...stages.geometry.box import Box, Point
from ...stages.geometry.rectangles import tilted
from .overlaps import Polygon


def join_lines(boxes: Iterable[Box]) -> list[Polygon]:
    """Merge the boxes of each text line into the smallest rotated rectangle around them."""
    lines: dict[int, list[Point]] = defaultdict(list)
    for box in boxes:
        lines[box.line] += box.polygon
    return [tilted(np.array(corners, np.float64)) for corners in lines.values()]
