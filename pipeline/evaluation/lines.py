"""Words to text lines, for ground truth that knows lines only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .detections import Detection
    from .overlaps import Polygon

__all__ = ["join_lines"]


def join_lines(detections: Iterable[Detection]) -> list[Polygon]:
    """Merge the boxes of each text line into the smallest rotated rectangle around them."""
    lines: dict[int, list[Polygon]] = defaultdict(list)
    for detection in detections:
        lines[detection.line].append(detection.polygon)
    return [_smallest_rectangle(polygons) for polygons in lines.values()]


def _smallest_rectangle(polygons: list[Polygon]) -> Polygon:
    points = np.concatenate(polygons).astype(np.float32)
    return cv2.boxPoints(cv2.minAreaRect(points)).astype(np.float64)
