"""Zones for Tesseract: `<picture>.uzn` beside a link to the picture.

How Tesseract 5 reads it (blread.cpp, and tried): a zone is `left top width height Label` in
integers that fit 16 bits; without a label the next zone is lost; a zone that leaves the picture
aborts it; an empty file makes it read the whole page; only `--psm 4`, `6` and `11` use zones.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from ....stages.decoding.orientation import points_as_stored
from ...output.box_json import Page
from ..format import Format, Pages
from ..leptonica import reads
from ..lines import Rect
from ..source import Content, Link, PageSource, encoded_png, is_opened_as_stored

PADDING: Final = 4
"""Pixels on every side. If a zone cuts ink, "TW" is read as "IVW"; 15 pixels more do no harm."""
LARGEST: Final = 32767
"""Largest 16-bit number, and longest side of a picture that Tesseract accepts."""

UPRIGHT: Final = ".upright"

log = logging.getLogger(__name__)


def zones(page: Page) -> list[Rect]:
    """Return left, top, right, bottom of every zone on the upright page, in reading order.

    Boxes that mostly cover each other become one zone: otherwise the text would be read twice.
    """
    found: list[Rect] = []
    for box in page.boxes:
        rect = _padded(box.rect, page)
        for i, other in enumerate(found):
            if _mostly_the_same(rect, other):
                found[i] = _around(rect, other)
                break
        else:
            if rect[2] > rect[0] and rect[3] > rect[1]:
                found.append(rect)
    return found


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the zones and the picture of a page; nothing if there is no box.

    The picture is a link, with zones in its stored pixels. Tesseract ignores the EXIF orientation.
    So a picture with one also gets an upright copy with its own zones. If Tesseract may not open a
    picture, finds it transparent, or turns it, the page has only this copy.
    """
    found = zones(page)
    if not found:
        return {}
    if max(page.width, page.height) > LARGEST:
        log.warning("%r: has a side of more than %d pixels, which Tesseract refuses; left out of uzn", page.name, LARGEST)  # fmt: skip
        return {}
    name = page.name
    if not (is_opened_as_stored(page, source.path) and reads(source.path)):
        return {f"{name}.png": encoded_png(source.rgb()), f"{name}.uzn": _lines(found)}
    copy: dict[str, Content] = {}
    if page.exif_orientation != 1:
        copy = {
            f"{name}{UPRIGHT}.png": encoded_png(source.rgb()),
            f"{name}{UPRIGHT}.uzn": _lines(found),
        }
    stored = [_as_stored(zone, page) for zone in found]
    return {**copy, _linked(page): Link(source.path), f"{name}.uzn": _lines(stored)}


def _as_stored(rect: Rect, page: Page) -> Rect:
    corners = np.array(rect).reshape(2, 2)
    moved = points_as_stored(corners, page.exif_orientation, page.stored_size)
    (left, top), (right, bottom) = moved.min(axis=0).tolist(), moved.max(axis=0).tolist()
    return left, top, right, bottom


def joined(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:
    """Return two lists: pictures for Tesseract, and pictures without boxes.

    A name with a line break cannot be in these lists; its zones are written all the same.
    """

    def names(*, with_zones: bool) -> Iterator[bytes]:
        for page in pages():
            is_listed = (folder / f"{page.name}.uzn").exists() if with_zones else not zones(page)
            if not is_listed:
                continue
            name = os.fsencode(folder / _picture(page, folder) if with_zones else page.name)
            if b"\n" in name or b"\r" in name:
                log.warning(
                    "%r: its name has a line break; left out of the lists of uzn", page.name
                )
                continue
            yield name + b"\n"

    return {"uzn.txt": names(with_zones=True), "uzn-empty.txt": names(with_zones=False)}


def _lines(found: list[Rect]) -> bytes:
    lines = (
        f"{left} {top} {right - left} {bottom - top} Text\n" for left, top, right, bottom in found
    )
    return "".join(lines).encode("ascii")


def _picture(page: Page, folder: Path) -> str:
    copies = (f"{page.name}{UPRIGHT}.png", f"{page.name}.png")
    there = (copy for copy in copies if os.path.exists(folder / copy))  # noqa: PTH110 - Path.exists raises where a name is too long
    return next(there, _linked(page))


def _linked(page: Page) -> str:
    # Tesseract replaces the last extension by .uzn, so a.png and a.jpg need names of their own.
    return f"{page.name}{PurePosixPath(page.key).suffix or '.png'}"


def _padded(rect: Rect, page: Page) -> Rect:
    left, top, right, bottom = rect
    return (
        max(0, left - PADDING),
        max(0, top - PADDING),
        min(page.width, right + PADDING),
        min(page.height, bottom + PADDING),
    )


def _mostly_the_same(first: Rect, second: Rect) -> bool:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if min(width, height) <= 0:
        return False
    smaller = min((r[2] - r[0]) * (r[3] - r[1]) for r in (first, second))
    return 2 * width * height > smaller


def _around(first: Rect, second: Rect) -> Rect:
    left, top = min(first[0], second[0]), min(first[1], second[1])
    return left, top, max(first[2], second[2]), max(first[3], second[3])


FORMAT: Final = Format(
    files,
    suffixes=(".uzn", ".png", f"{UPRIGHT}.uzn", f"{UPRIGHT}.png"),
    joined=joined,
    needs_boxes=True,
    tells_direction=False,
)
