"""The pictures of a report: thumbnails, and previews of files that browsers cannot open."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.errors import ImageError
from ...stages.load import Image, probe
from ..output.archive import FinishedRun
from ..output.box_json import Page
from ..output.layout import result_path
from ..output.pictures import reduced
from ..sources.members import is_copy

THUMBNAIL: Final = 320
"""Pixels of the longest side, in a report that is a folder."""
EMBEDDED: Final = 640
"""The same in a report in one file, which has no larger pictures."""
_PREVIEW: Final = 2400  # pixels of the longest side
_LARGEST: Final = 50e6  # most pixels that browsers draw easily
_QUALITY: Final = 80  # of JPEG
_TURNED: Final = {"JPEG", "MPO"}
_SHOWN: Final = {*_TURNED, "PNG", "GIF", "BMP", "WEBP", "AVIF"}

Keep = Callable[[str, bytes], None]
"""Stores an image under its name, `thumbs/ab/abcd….jpg`."""


@dataclass(frozen=True)
class PageImages:
    """The images of a page in a report.

    Attributes:
        thumb: name of its thumbnail; None: there is none.
        links: URLs relative to the report, as far as they exist: `original` (the file), `full` (for
            browsers), `mask` and `heatmap`.
        problem: why the picture cannot be shown; empty if it can.
    """

    thumb: str | None
    links: dict[str, str]
    problem: str


class Images:
    """Makes the images of a report.

    Args:
        run: the run with the pages.
        has: says whether an image of that name exists.
        keep: stores an image.
        embedded: whether the report is one file, which has no links.
    """

    def __init__(
        self, run: FinishedRun, has: Callable[[str], bool], keep: Keep, *, embedded: bool
    ) -> None:
        self._run, self._has, self._keep = run, has, keep
        self._embedded = embedded
        self._report = os.path.abspath(run.folder / FOLDER)  # noqa: PTH100 - resolve() would follow links

    def of(self, page: Page) -> PageImages:
        """Make the missing images of a page.

        Raises:
            OutputError: the report cannot be written.
        """
        links = {} if self._embedded else self._results(page)
        try:
            path = self._run.picture(page)
            thumb = f"thumbs/{_name(page, self._run, EMBEDDED if self._embedded else THUMBNAIL)}"
            preview = None if self._embedded or _is_shown(page, path) else _preview(page, self._run)
            missing = [name for name in (thumb, preview) if name and not self._has(name)]
            image = self._run.decoded(page, path) if missing else None
        except (ImageError, OSError) as error:
            return PageImages(None, links, str(error))
        if image is not None:
            for name in missing:
                self._keep(name, _jpeg(image, self._longest(name, preview)))
        if not self._embedded:
            original = preview if preview and is_copy(path) else self._link(path)
            links |= {"original": original, "full": preview or self._link(path)}
        return PageImages(thumb, links, "")

    def _longest(self, name: str, preview: str | None) -> int:
        return _PREVIEW if name == preview else EMBEDDED if self._embedded else THUMBNAIL

    def _results(self, page: Page) -> dict[str, str]:
        files = {
            name: result_path(self._run.folder, kind, page.key, page.page)
            for name, kind in (("mask", "masks"), ("heatmap", "heatmaps"))
        }
        return {name: self._link(file) for name, file in files.items() if file.is_file()}

    def _link(self, path: Path) -> str:
        return quote(os.fsencode(os.path.relpath(path, self._report)))


FOLDER: Final = "report"
"""Below the output of a run."""


def _name(page: Page, run: FinishedRun, longest: int) -> str:
    """Name an image by its content, so that no foreign file name is used."""
    decided = f"{page.sha256} {page.page} {run.decoding.background} {longest}"
    digest = hashlib.sha256(decided.encode()).hexdigest()[:20]
    return f"{digest[:2]}/{digest}.jpg"


def _preview(page: Page, run: FinishedRun) -> str:
    return f"previews/{_name(page, run, _PREVIEW)}"


def _is_shown(page: Page, path: Path) -> bool:
    """Say whether browsers show exactly this page; all apply EXIF orientation only to JPEG."""
    if is_copy(path):
        return False
    known = _TURNED if page.exif_orientation > 1 else _SHOWN
    return page.width * page.height <= _LARGEST and probe(path, page=page.page).format in known


def _jpeg(image: Image, longest: int) -> bytes:
    rgb: NDArray[np.uint8] = reduced(image.rgb, longest)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
