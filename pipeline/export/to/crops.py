"""Upright PNGs of the boxes, for programs that recognise text: `crops/<page>/<box>.png`.

`crops.jsonl` has a line per crop: the crop (relative to the list), picture, page, index of the box
in the box JSON, its line, label and score, size, and `to_page`: the 3 x 3 matrix from crop to page.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ...output.box_json import Page
from ..crops import Crop, cut
from ..format import Format, Pages
from ..source import Content, PageSource, encoded_png

PADDING: Final = 0.1
"""In units of the height of the box."""


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return a PNG for every box, and their list."""
    found: dict[str, Content] = {}
    lines = []
    for index, box in enumerate(page.boxes):
        crop = cut(source.rgb(), box.polygon, padding=PADDING)
        name = f"{page.name}/{index:04d}.png"
        found[name] = encoded_png(crop.pixels)
        lines.append(json.dumps(_line(page, index, crop, name)) + "\n")
    return {**found, f"{page.name}/crops.jsonl": "".join(lines).encode("ascii")}


def joined(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:
    """Return the list of all crops."""
    return {"crops.jsonl": ((folder / page.name / "crops.jsonl").read_bytes() for page in pages())}


def _line(page: Page, index: int, crop: Crop, name: str) -> dict[str, object]:
    box = page.boxes[index]
    return {
        "crop": f"crops/{name}",
        "picture": page.key,
        "page": page.page,
        "box": index,
        "line": box.line,
        "direction": box.direction,
        "label": box.label,
        "score": box.score,
        "width": crop.pixels.shape[1],
        "height": crop.pixels.shape[0],
        "to_page": (crop.to_page.round(6) + 0.0).tolist(),
        "curved": crop.curved,
    }


FORMAT: Final = Format(files, suffixes=("/crops.jsonl",), joined=joined)
