"""Pre-annotations for Label Studio: `labelstudio.json` to import, `labelstudio.xml` the interface.

A picture is a task. Coordinates are percent of the upright picture, which browsers show. Label
Studio serves local files by names relative to LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT: the folder
that contains the input of the run. It does not serve files that lie directly in that folder. The
input must be a storage of the project.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np

from ....stages.geometry.box import Box
from ...output.box_json import Page
from ..crops import Quad, quad_of
from ..format import Format, Pages
from ..markup import add, clean
from ..source import Content, PageSource


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the task of a page."""
    return {f"{page.name}.json": json.dumps(_task(page, source.path)).encode("ascii")}


def joined(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:
    """Return the list of all tasks, and the interface for their labels."""
    return {"labelstudio.json": _tasks(pages, folder), "labelstudio.xml": _interface(pages)}


def _task(page: Page, path: Path) -> dict[str, Any]:
    results = [_result(index, box, page) for index, box in enumerate(page.boxes)]
    scores = [box.score for box in page.boxes]
    prediction = {
        "model_version": page.made_by.model_sha256[:12],
        "score": round(sum(scores) / len(scores), 4) if scores else 0.0,
        "result": results,
    }
    below_input = len(PurePosixPath(page.key).parts)
    place = "/".join(path.parts[-below_input - 1 :])
    address = f"/data/local-files/?d={quote(os.fsencode(place))}"
    data = {"image": address, "picture": clean(page.key), "page": page.page}
    return {"data": data, "predictions": [prediction]}


def _result(index: int, box: Box, page: Page) -> dict[str, Any]:
    corners = quad_of(box.polygon)
    if len(box.polygon) == 4 and _is_rectangle(corners):
        kind, value = "rectanglelabels", _rectangle(corners, page)
    else:
        points = [[_percent(x, page.width), _percent(y, page.height)] for x, y in box.polygon]
        kind, value = "polygonlabels", {"points": points, "closed": True}
    return {
        "id": f"{page.page}-{index}",
        "type": kind,
        "from_name": "rectangle" if kind == "rectanglelabels" else "polygon",
        "to_name": "image",
        "original_width": page.width,
        "original_height": page.height,
        "image_rotation": 0,
        "score": box.score,
        "value": {**value, kind: [clean(box.label)]},
    }


def _is_rectangle(corners: Quad) -> bool:
    """Say whether opposite sides and the diagonals are equal, to a tenth of a pixel."""
    middle = np.abs(corners[0] + corners[2] - corners[1] - corners[3]).max() / 2
    diagonals = np.linalg.norm(corners[2:] - corners[:2], axis=1)
    return bool(middle < 0.1 and abs(diagonals[0] - diagonals[1]) < 0.1)


def _rectangle(corners: Quad, page: Page) -> dict[str, Any]:
    (x, y), along, down = corners[0], corners[1] - corners[0], corners[3] - corners[0]
    return {
        "x": _percent(x, page.width),
        "y": _percent(y, page.height),
        "width": _percent(math.hypot(*along), page.width),
        "height": _percent(math.hypot(*down), page.height),
        "rotation": round(math.degrees(math.atan2(along[1], along[0])) % 360, 3) % 360,
    }


def _percent(pixels: float, of: int) -> float:
    return round(100 * float(pixels) / of, 4)


def _tasks(pages: Pages, folder: Path) -> Iterator[bytes]:
    yield b"["
    for number, page in enumerate(pages()):
        yield (b",\n" if number else b"\n") + (folder / f"{page.name}.json").read_bytes()
    yield b"]\n"


def _interface(pages: Pages) -> Iterator[bytes]:
    labels = sorted({clean(label) for page in pages() for label in page.labels})
    root = ET.Element("View")
    add(root, "Image", name="image", value="$image")
    for tag, name in (("RectangleLabels", "rectangle"), ("PolygonLabels", "polygon")):
        control = add(root, tag, name=name, toName="image")
        for label in labels:
            add(control, "Label", value=label)
    ET.indent(root)
    # Label Studio 1.23 refuses an XML declaration.
    yield ET.tostring(root, encoding="unicode").encode() + b"\n"


FORMAT: Final = Format(files, suffixes=(".json",), joined=joined, tells_direction=False)
