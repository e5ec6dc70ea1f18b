"""W3C Web Annotations on a IIIF page: an AnnotationPage with an SVG selector per box, upright page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ....stages.geometry.box import Box
from ...output.box_json import Page
from ..format import Format
from ..source import Content, PageSource
from .geojson import stable_id

CONTEXT: Final = "http://www.w3.org/ns/anno.jsonld"


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the annotations of a page."""
    return {f"{page.name}.json": json.dumps(document(page)).encode("ascii") + b"\n"}


def document(page: Page) -> dict[str, Any]:
    """Return the AnnotationPage of a page; its target is `urn:locpipe:picture:` and the path of the picture."""
    name = quote(page.name.encode("utf-8", "surrogateescape"))
    items = [_annotation(page, name, box) for box in page.boxes]
    return {
        "@context": CONTEXT,
        "id": f"urn:locpipe:{name}",
        "type": "AnnotationPage",
        "items": items,
    }


def _annotation(page: Page, name: str, box: Box) -> dict[str, Any]:
    path = " L ".join(f"{x:g} {y:g}" for x, y in box.polygon)
    left, top, right, bottom = box.rect
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="M {path} Z"/></svg>'
    selectors = [
        {"type": "SvgSelector", "value": svg},
        {
            "type": "FragmentSelector",
            "conformsTo": "http://www.w3.org/TR/media-frags/",
            "value": f"xywh=pixel:{left},{top},{right - left},{bottom - top}",
        },
    ]
    return {
        "id": f"urn:locpipe:{name}#{stable_id(page, box)}",
        "type": "Annotation",
        "motivation": "tagging",
        "body": {"type": "TextualBody", "purpose": "tagging", "value": box.label},
        "target": {"source": f"urn:locpipe:picture:{name}", "selector": selectors},
    }


FORMAT: Final = Format(files, suffixes=(".json",), tells_direction=False)
