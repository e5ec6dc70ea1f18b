"""Pixel precision and recall: how much area the union of boxes shares with the union of truth.

Areas are exact areas of polygons inside the picture, the limit of counting ever finer pixels.
Rasterising would add half a pixel to every edge (OpenCV's `fillPoly` draws its border), a tenth of
the area of small words. Don't-care regions do not count.
"""

from collections.abc import Sequence

import shapely

from .counts import Counts
from .overlaps import ComparedPicture, Polygon, geometries


def pixel(picture: ComparedPicture) -> Counts:
    """Count the square pixels of one picture."""
    ignored = [region.polygon for region in picture.truth if region.ignored]
    wanted = [region.polygon for region in picture.truth if not region.ignored]
    found = list(picture.detections)
    left_out = _area(ignored, picture.size)
    # Only areas of unions are used. Intersections and differences leave lines and points where
    # edges meet, and GEOS fails there. Differences of equal areas are rounded: they must be 0, as
    # they tell whether there was anything to find.
    truth_area, found_area, either_area = (
        max(0.0, round(_area(polygons + ignored, picture.size) - left_out, 6))
        for polygons in (wanted, found, wanted + found)
    )
    shared = max(0.0, min(truth_area + found_area - either_area, truth_area, found_area))
    return Counts(shared, truth_area, shared, found_area)


def _area(polygons: Sequence[Polygon], size: tuple[int, int]) -> float:
    union = shapely.union_all(geometries(polygons))
    return float(shapely.area(shapely.intersection(union, shapely.box(0, 0, *size))))
