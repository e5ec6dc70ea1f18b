"""Truth and detections of one picture, and their overlaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

Polygon: TypeAlias = NDArray[np.float64]
"""float64 [k, 2], k >= 3: corners x, y in pixels, in either direction."""


@dataclass(frozen=True)
class Region:
    """One piece of ground truth; an ignored one is neither a hit nor a false alarm."""

    polygon: Polygon
    ignored: bool = False


@dataclass(frozen=True)
class ComparedPicture:
    """Truth and detections of one picture, in the same frame.

    Attributes:
        name: Unique within a set; reports name the picture by it.
        size: Width and height in pixels.
        truth: Ground truth in file order, which the matching protocols go through.
        detections: Polygons in the detector's order.
    """

    name: str
    size: tuple[int, int]
    truth: Sequence[Region]
    detections: Sequence[Polygon]


@dataclass(frozen=True)
class Overlaps:
    """Areas shared by n truth regions and m detections.

    Attributes:
        recall: float64 [n, m], shared area / area of the truth region (0 where that is 0).
        precision: float64 [n, m], shared area / area of the detection (0 where that is 0).
        iou: float64 [n, m], shared area / area of the union (0 where that is 0).
        ignored: bool [n], the don't-care regions.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    iou: NDArray[np.float64]
    ignored: NDArray[np.bool_]

    def on_ignored(self, above: float) -> NDArray[np.bool_]:
        """Return the detections [m] with a larger share of their area in one don't-care region."""
        return np.asarray((self.precision[self.ignored] > above).any(axis=0))


def geometries(polygons: Sequence[Polygon]) -> NDArray[Any]:
    """Return valid shapely geometries [n]: crossing polygons become lobes, flat ones are empty."""
    # Rounded to a millionth of a pixel: GEOS divides by zero on coordinates like 1e-263.
    raw = [shapely.Polygon(polygon.round(6)) for polygon in polygons]
    # "structure" keeps polygons only; "linework" may return lines, which break unions.
    return np.asarray(shapely.make_valid(raw, method="structure", keep_collapsed=False))


def overlaps(picture: ComparedPicture) -> Overlaps:
    """Return the overlap of every truth region with every detection of a picture."""
    truth = geometries([region.polygon for region in picture.truth])
    found = geometries(picture.detections)
    shared = _shared_areas(truth, found)
    truth_area, found_area = shapely.area(truth)[:, None], shapely.area(found)[None, :]
    return Overlaps(
        recall=_ratio(shared, truth_area),
        precision=_ratio(shared, found_area),
        iou=_ratio(shared, truth_area + found_area - shared),
        ignored=np.array([region.ignored for region in picture.truth], dtype=np.bool_),
    )


def _shared_areas(truth: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
    areas = np.zeros((len(truth), len(found)))
    rows, columns = shapely.STRtree(found).query(truth)
    areas[rows, columns] = shapely.area(shapely.intersection(truth[rows], found[columns]))
    return areas


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
