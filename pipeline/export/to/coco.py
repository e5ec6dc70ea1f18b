"""COCO detection: one `coco.json` with all pictures, boxes and masks; upright pages.

A segmentation is the mask of the box's label inside its polygon. It is the polygon if masks are not
written or empty there. Masks are uncompressed run lengths down the columns, as pycocotools takes
them. Every annotation has the score and, if classified, the class.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....stages.geometry.box import Box
from ....stages.geometry.rasterize import covered
from ...output.box_json import Page
from ..format import Format, Pages
from ..source import Content, PageSource


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the page's file for `joined`: one annotation per box, still without ids."""
    mask = source.mask() if page.boxes else None
    annotations = [_annotation(box, page, mask) for box in page.boxes]
    return {f"{page.name}.json": json.dumps(annotations).encode("ascii")}


def joined(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:
    """Return coco.json."""
    return {"coco.json": _whole(pages, folder)}


def run_lengths(shape: NDArray[np.bool_], left: int, top: int, height: int) -> list[int]:
    """Return the lengths of the runs of a mask down the columns of a page, the first one empty.

    `shape` (bool [h, w]) is a part of the mask, and the rest is empty. The part begins at column
    `left` and row `top` of the page, which is `height` pixels high.
    """
    column, row = np.nonzero(shape.T)
    at = (left + column) * height + top + row
    breaks = np.flatnonzero(np.diff(at) != 1) + 1
    starts, ends = at[np.r_[0, breaks]], at[np.r_[breaks - 1, len(at) - 1]] + 1
    edges = np.stack([starts, ends], axis=1).ravel()
    return np.diff(edges, prepend=0).tolist()


def _annotation(box: Box, page: Page, mask: NDArray[np.uint8] | None) -> dict[str, Any]:
    left, top, right, bottom = box.rect
    shape = covered(box.polygon, box.rect)
    if mask is not None:
        value = 1 + page.labels.index(box.label) if len(page.labels) > 1 else 255
        marked = shape & (mask[top:bottom, left:right] == value)
        shape = marked if marked.any() else shape
    counts = run_lengths(shape, left, top, page.height)
    rest = page.width * page.height - sum(counts)
    found: dict[str, Any] = {
        "label": box.label,
        "bbox": [left, top, right - left, bottom - top],
        "area": int(shape.sum()),
        "segmentation": {"size": [page.height, page.width], "counts": [*counts, rest]},
        "iscrowd": 0,
        "score": box.score,
    }
    return found if box.class_ is None else {**found, "class": box.class_}


def _whole(pages: Pages, folder: Path) -> Iterator[bytes]:
    labels = sorted({label for page in pages() for label in page.labels})
    ids = {label: number for number, label in enumerate(labels, 1)}
    categories = [{"id": number, "name": label} for label, number in ids.items()]
    yield b'{"info": {"description": "locpipe, upright pictures"}, "licenses": [],\n'
    yield b'"categories": ' + json.dumps(categories).encode("ascii") + b',\n"images": ['
    yield from _listed(_images(pages))
    yield b'],\n"annotations": ['
    yield from _listed(_numbered(pages, folder, ids))
    yield b"]}\n"


def _images(pages: Pages) -> Iterator[dict[str, Any]]:
    for number, page in enumerate(pages(), 1):
        size = {"width": page.width, "height": page.height}
        yield {"id": number, "file_name": page.key, "page": page.page, **size}


def _numbered(pages: Pages, folder: Path, ids: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    count = 0
    for number, page in enumerate(pages(), 1):
        for annotation in json.loads((folder / f"{page.name}.json").read_bytes()):
            count += 1
            category = ids[annotation.pop("label")]
            yield {"id": count, "image_id": number, "category_id": category, **annotation}


def _listed(items: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for number, item in enumerate(items):
        yield (b",\n" if number else b"\n") + json.dumps(item).encode("ascii")


FORMAT: Final = Format(files, suffixes=(".json",), joined=joined, tells_direction=False)
