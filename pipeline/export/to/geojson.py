"""GeoJSON (RFC 7946): a feature per box, with an id that is stable as long as its place is.

Coordinates are pixels of the upright page. In maps, y points upwards. So y is negative here, as
MapReader and QGIS want it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ....stages.geometry.box import Box
from ...output.box_json import Page
from ..format import Format
from ..source import Content, PageSource


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the features of a page."""
    return {f"{page.name}.geojson": json.dumps(document(page)).encode("ascii") + b"\n"}


def document(page: Page) -> dict[str, Any]:
    """Return the collection of features of a page."""
    features = [_feature(page, index, box) for index, box in enumerate(page.boxes)]
    return {"type": "FeatureCollection", "features": features}


def stable_id(page: Page, box: Box) -> str:
    """Return the id of a box: of its picture, page, label and corners."""
    place = json.dumps([page.sha256, page.page, box.label, box.polygon])
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def _feature(page: Page, index: int, box: Box) -> dict[str, Any]:
    # RFC 7946 wants anticlockwise rings with y up, which are clockwise with y down.
    ring = [[x, -y] for x, y in reversed(box.polygon)]
    properties: dict[str, Any] = {
        "picture": page.key,
        "page": page.page,
        "index": index,
        "label": box.label,
        "score": round(box.score, 4),
        "line": box.line,
        "block": box.block,
        "direction": box.direction,
    }
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {
        "type": "Feature",
        "id": stable_id(page, box),
        "geometry": geometry,
        "properties": properties,
    }


FORMAT: Final = Format(files, suffixes=(".geojson",))
