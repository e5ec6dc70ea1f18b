"""Words to text lines, for ground truth that knows lines only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...stages.boxes import Box, Point
    from .overlaps import Polygon

__all__ = ["join_lines"]


def join_lines(boxes: Iterable[Box]) -> list[Polygon]:
    """Merge the boxes of each text line into the smallest rotated rectangle around them."""
    lines: dict[int, list[Point]] = defaultdict(list)
    for box in boxes:
        lines[box.line] += box.polygon
    return [_smallest_rectangle(corners) for corners in lines.values()]


def _smallest_rectangle(corners: list[Point]) -> Polygon:
    return cv2.boxPoints(cv2.minAreaRect(np.array(corners, np.float32))).astype(np.float64)
