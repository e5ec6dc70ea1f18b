"""The formats there are, without importing any: `locpipe --help` and results are in a hurry."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from ..output.box_json import Page
    from .source import Content, Source

__all__ = ["FOLDER", "FORMATS", "Format", "Pages", "format_named", "joined", "last_file", "remove"]

FOLDER: Final = "exports"
"""Below the output of a run; `exports/<format>/` belongs to locpipe, which empties it."""

FORMATS: Final = {
    "uzn": "zones for Tesseract, in pixels of the picture as stored; upright copies where EXIF turns it",
    "crops": "upright PNGs of the boxes, crops.jsonl leads back to the upright page",
    "page": "PAGE XML 2019-07-15 with lines and baselines, upright page",
    "alto": "ALTO 4.3 with lines and baselines, upright page",
    "hocr": "hOCR with lines and words, upright page",
    "icdar": "x1,y1,…,x4,y4 a line, one text file a picture, upright page",
    "coco": "coco.json with run-length masks, upright page",
    "labelstudio": "pre-annotations for Label Studio, upright page",
}
"""Name and, with the frame of its coordinates, what it is."""

_SUFFIXES: Final = {
    "uzn": (".uzn", ".png", ".upright.uzn", ".upright.png"),
    "page": (".xml", ".png"),
    "alto": (".xml", ".png"),
    "hocr": (".hocr", ".png"),
    "icdar": (".txt",),
    "coco": (".json",),
    "labelstudio": (".json",),
}

Pages = Callable[[], Iterable["Page"]]


class Format(Protocol):
    """What a module of a format offers."""

    def files(self, page: Page, source: Source, folder: Path) -> Mapping[str, Content]:
        """Return the files of a page by their names relative to `folder`, exports/<format>."""


def format_named(name: str) -> Format:
    """Import the module of a format."""
    return cast("Format", importlib.import_module(f".{name}", f"{__package__}.to"))


def joined(name: str, pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:
    """Return the files about all pages by their names relative to exports/, in pieces.

    Args:
        name: of a format; most have a file a page, and none about all.
        pages: gives every page of the export, each time it is called.
        folder: exports/<format>, with the files of every page in it.
    """
    of_format = getattr(format_named(name), "joined", None)
    return of_format(pages, folder) if of_format else {}


def last_file(format_: str, name: str) -> str:
    """Return the file of a page, relative to exports/<format>, that is written after all others.

    Args:
        format_: name of a format.
        name: of the page.
    """
    return f"{name}/crops.jsonl" if format_ == "crops" else f"{name}{_SUFFIXES[format_][0]}"


def remove(output: Path, key: str, name: str, formats: Iterable[str] = tuple(FORMATS)) -> None:
    """Remove what was exported of a page.

    Args:
        output: of the run.
        key: of the picture.
        name: of the page.
        formats: to remove.
    """
    folder = output / FOLDER
    for format_ in formats:
        if format_ == "crops":
            shutil.rmtree(folder / format_ / name, ignore_errors=True)
            continue
        for suffix in (*_SUFFIXES[format_], PurePosixPath(key).suffix):
            with suppress(OSError):  # not there, or a name that never could be
                (folder / format_ / f"{name}{suffix}").unlink()
