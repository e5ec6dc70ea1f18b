"""The entries of a report: pages, and pictures that failed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ocr.settings import FOLDER as READ_FOLDER
from ..ocr.text import sha256_of_boxes
from ..output.box_json import Page
from ..output.failures import Failure
from .images import PageImages


@dataclass(frozen=True)
class Entry:
    """One picture of the list.

    Attributes:
        listed: data for filters, sorting and the card. The browser has it in memory for all
            entries.
        details: all other data, which is loaded for a few pictures at a time.
        text: the text that was read on the picture.
    """

    listed: dict[str, Any]
    details: dict[str, Any]
    text: str = ""


def percent(score: float) -> int:
    """Return a score in whole percent, rounded down, exact in decimals: 0.29 gives 29."""
    return round(score * 10000) // 100


def page_entry(page: Page, images: PageImages, reading: Mapping[str, Any]) -> Entry:
    """Return the entry of a page with a result; `reading` is its text, or empty."""
    listed: dict[str, Any] = {
        "name": page.name,
        "size": page.size,
        "scores": sorted(percent(box.score) for box in page.boxes),
    }
    if images.thumb:
        listed["thumb"] = images.thumb
    details: dict[str, Any] = {
        "path": page.key,
        "page": page.page,
        "sha256": page.sha256,
        **images.links,
        **_columns(page, reading),
    }
    if images.problem:
        listed["missing"], details["problem"] = True, images.problem
    return Entry(listed, details, str(reading.get("text", "")))


def failure_entry(failure: Failure) -> Entry:
    """Return the entry of a picture, or of one page, without a result."""
    page = "" if failure.page is None else f", page {failure.page}"
    listed = {"name": f"{failure.path}{page}", "scores": [], "failure": cause(failure)}
    return Entry(listed, {"path": failure.path, "problem": failure.message})


def cause(failure: Failure) -> str:
    """Return in a few words where and why a picture failed, to count failures by cause."""
    return f"{failure.stage}: {failure.error}"


def read_text(folder: Path, page: Page) -> Mapping[str, Any]:
    """Return the reading of a page; empty if it is missing, or of other boxes."""
    file = folder / READ_FOLDER / f"{page.name}.json"
    try:
        document = json.loads(file.read_bytes())
        is_of_page = document["made_by"]["boxes_sha256"] == sha256_of_boxes(page)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return document if is_of_page else {}


def _columns(page: Page, reading: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Return the boxes as one list per property. A property that no box has is left out."""
    boxes, written = page.boxes, page.document["boxes"]
    columns: dict[str, Sequence[Any]] = {
        "scores": [round(box.score, 4) for box in boxes],
        "rects": [box.rect for box in boxes],
        "polygons": [
            [_short(number) for point in box.polygon for number in point] for box in boxes
        ],
        "lines": [box.line for box in boxes],
    }
    if len(page.labels) > 1 or page.labels != ("text",):
        columns["labels"] = [box.label for box in boxes]
    if any(box.class_ for box in boxes):
        columns["classes"] = [box.class_ or "" for box in boxes]
    if any("block" in box for box in written):
        columns["blocks"] = [box.get("block", 0) for box in written]
    if reading:
        columns["texts"] = [str(box["text"]) if box["counts"] else "" for box in reading["boxes"]]
    return columns if boxes else {}


def _short(number: float) -> float | int:
    """Round to a tenth of a pixel, in as few characters as possible."""
    rounded = round(number, 1)
    return int(rounded) if rounded == int(rounded) else rounded
