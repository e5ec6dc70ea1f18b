"""What was read on a page: by box, by line, and as the files we write."""

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
"""Of the files of a page; the JSON is written last: where it is, the others are."""


@dataclass(frozen=True)
class TextLine:
    """Boxes of one line of text, their indices in reading order.

    `text` joins the readings that count as `sentence` does; `confidence` is their mean, 0 without any.
    """

    text: str
    confidence: float
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class PageText:
    """What was read on a page, one reading per box, both in reading order.

    Readings without text, or with less than `min_confidence`, do not count. `unread` crops were left
    unread by the time limit; the next run reads the page again.
    """

    page: Page
    readings: Sequence[Reading]
    min_confidence: float
    unread: int = 0

    @property
    def counting(self) -> dict[int, Reading]:
        """The readings that count, by index of their box."""
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
        """Everything that counts, one line of text per line."""
        return "".join(f"{line.text}\n" for line in self.lines if line.text)


def files(
    text: PageText, picture: Path, folder: Path, made_by: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the files of a page by their names relative to `folder`, in the order to write them.

    `picture` is the file of the page, and `folder` that of all readings; both are absolute.
    `made_by` is what decides the text besides the picture, the hash of the boxes included.
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
    """Return the hash of a box JSON: a reading is up to date as long as it stays the same."""
    return hashlib.sha256(json.dumps(page.document, sort_keys=True).encode()).hexdigest()
