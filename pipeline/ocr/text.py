"""The text of a page: by box, by line, and as files."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from ..export.lines import Reading
from ..export.markup import fits
from ..export.to import alto, hocr
from ..output.box_json import Page
from .units import sentence

SCHEMA: Final = "locpipe/read/1"
SUFFIXES: Final = (".txt", ".hocr", ".xml", ".json")
"""Suffixes of the files of a page. The JSON is written last: if it is there, the others are."""


@dataclass(frozen=True)
class TextLine:
    """A line of text: indices of its boxes, in reading order.

    `text` is the `sentence` of the readings that count; `confidence` is their mean, 0 if there are
    none.
    """

    text: str
    confidence: float
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class PageText:
    """The text of a page: boxes, and one reading per box, both in reading order.

    Readings without text, or below `min_confidence`, do not count. `unread` is the number of crops
    that the time limit left unread. The next run reads such a page again.
    """

    page: Page
    readings: Sequence[Reading]
    min_confidence: float
    unread: int = 0

    @property
    def counting(self) -> dict[int, Reading]:
        """The readings that count, by index of the box."""
        return {
            index: reading
            for index, reading in enumerate(self.readings)
            if reading.text and reading.confidence >= self.min_confidence
        }

    @property
    def lines(self) -> tuple[TextLine, ...]:
        """The lines, in reading order."""
        indexed = enumerate(self.page.boxes)
        return tuple(
            self._line(tuple(index for index, _ in of_line))
            for _, of_line in groupby(indexed, key=lambda box: box[1].line)
        )

    def _line(self, boxes: tuple[int, ...]) -> TextLine:
        counting = self.counting
        read = [counting[index] for index in boxes if index in counting]
        mean = sum(one.confidence for one in read) / len(read) if read else 0.0
        return TextLine(sentence([one.text for one in read]), mean, boxes)

    @property
    def text(self) -> str:
        """The text of all readings that count, line by line."""
        return "".join(f"{line.text}\n" for line in self.lines if line.text)


def files(
    text: PageText, picture: Path, folder: Path, made_by: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the files of a page in the order of writing; names are relative to `folder`.

    `picture` is the file of the page, `folder` contains all readings; both are absolute. `made_by`
    is everything else that decides the text, including the hash of the boxes.
    """
    page = text.page
    name = os.path.relpath(picture, (folder / page.name).parent)
    if not fits(name) or '"' in name or "\\" in name:
        name = page.sha256
    document = json.dumps(_document(text, made_by), allow_nan=False)
    contents = (
        text.text.encode("utf-8", "replace"),
        hocr.document(page, name, text.counting),
        alto.document(page, name, text.counting),
        document.encode("ascii") + b"\n",
    )
    return {f"{page.name}{end}": content for end, content in zip(SUFFIXES, contents, strict=True)}


def _document(text: PageText, made_by: Mapping[str, str]) -> dict[str, Any]:
    counting = text.counting
    boxes = [
        {
            **box,
            "text": reading.text,
            "confidence": round(reading.confidence, 4),
            "counts": index in counting,
        }
        for index, (box, reading) in enumerate(
            zip(text.page.document["boxes"], text.readings, strict=True)
        )
    ]
    lines = [
        {"text": line.text, "confidence": round(line.confidence, 4), "boxes": list(line.boxes)}
        for line in text.lines
    ]
    return {
        "schema": SCHEMA,
        "image": text.page.document["image"],
        "made_by": dict(made_by),
        "boxes": boxes,
        "lines": lines,
        "text": text.text,
        **({"unread": text.unread} if text.unread else {}),
    }


def sha256_of_boxes(page: Page) -> str:
    """Return the hash of a box JSON. A reading is up to date if the hash is the same."""
    return hashlib.sha256(json.dumps(page.document, sort_keys=True).encode()).hexdigest()
