"""Pixel precision and recall: how much area the union of boxes shares with the union of truth.

Areas are exact areas of polygons inside the picture, the limit of counting ever finer pixels.
Rasterising would add half a pixel to every edge (OpenCV's `fillPoly` draws its border), a tenth
of the area of small words. What lies in don't-care regions does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from .counts import Counts
from .picture import geometries

if TYPE_CHECKING:
    from .picture import Picture

__all__ = ["pixel"]


def pixel(picture: Picture) -> Counts:
    """Count the square pixels of one picture."""
    ignored = [region.polygon for region in picture.truth if region.ignored]
    wanted = [region.polygon for region in picture.truth if not region.ignored]
    counted = shapely.box(0, 0, *picture.size) - shapely.union_all(geometries(ignored))
    truth = shapely.union_all(geometries(wanted)) & counted
    found = shapely.union_all(geometries(picture.detections)) & counted
    shared = (truth & found).area
    return Counts(shared, truth.area, shared, found.area)
