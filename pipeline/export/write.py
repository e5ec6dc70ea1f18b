"""From pages to files below `exports/`."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ...stages.errors import ImageError
from ...stages.load import Image, load
from ..inputs import STATE_FOLDER
from ..results import FULL, output_errors, prepare_output, result_path, write_atomically
from .formats import FOLDER, format_named, last_file, remove
from .source import Link, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .load import Page, Run

__all__ = ["export", "export_page"]

log = logging.getLogger(__name__)

_count = itertools.count()


def export(run: Run, formats: Iterable[str], *, only_missing: bool = False) -> int:
    """Write a run in other formats.

    Args:
        run: to export.
        formats: names of formats.
        only_missing: leave what is there; else what was exported before is replaced.

    Returns:
        How many pages were left out, each with a warning: their pictures have moved or changed.

    Raises:
        ConfigError: a box JSON is damaged.
        OutputError: the output cannot be written.
    """
    formats = tuple(dict.fromkeys(formats))
    prepare_output(run.folder)
    with output_errors(run.folder):
        (run.folder / FOLDER).mkdir(exist_ok=True)
        for name in () if only_missing else formats:
            shutil.rmtree(_folder(run.folder, name), ignore_errors=True)
    left_out = {page.name for page in run.pages() if not _export_page(run, formats, page)}

    def kept() -> Iterator[Page]:
        return (page for page in run.pages() if page.name not in left_out)

    for name in formats:
        for file, pieces in format_named(name).joined(kept, _folder(run.folder, name)).items():
            _write_pieces(run.folder, run.folder / FOLDER / file, pieces)
    return len(left_out)


def _export_page(run: Run, formats: Iterable[str], page: Page) -> bool:
    """Write what is not there of a page, and return whether that was possible."""
    todo = [name for name in formats if not _is_there(run.folder, name, page)]
    try:
        if todo:
            source = _source(run, page)
            for name in todo:
                export_page(run.folder, name, page, source)
    except (ImageError, OSError) as error:  # its name may be too long, for example
        reason = str(error) if isinstance(error, ImageError) else f"{page.name!r}: {error.strerror}"
        log.warning("left out: %s", reason)
        remove(run.folder, page.key, page.name)
        return False
    return True


def export_page(output: Path, name: str, page: Page, source: Source) -> None:
    """Write a page in one format.

    Raises:
        ImageError: the picture cannot be decoded.
        OutputError: the output cannot be written.
    """
    folder = _folder(output, name)
    for file, content in format_named(name).files(page, source, folder).items():
        if isinstance(content, Link):
            _link(output, folder / file, content.target)
        else:
            write_atomically(output, folder / file, content)


def _folder(output: Path, name: str) -> Path:
    return output.absolute() / FOLDER / name


def _is_there(output: Path, name: str, page: Page) -> bool:
    if name == "uzn" and not page.boxes:
        return True
    return (_folder(output, name) / last_file(name, page.name)).exists()


def _source(run: Run, page: Page) -> Source:
    path = run.picture(page).absolute()
    options = run.report["config"]["input"]

    @cache
    def picture() -> Image:
        return load(
            path,
            page=page.page,
            background=tuple(options["background"]),
            max_megapixels=options["max_megapixels"],
        )

    def mask() -> NDArray[np.uint8] | None:
        file = result_path(run.folder, "masks", page.key, page.page)
        if not file.exists():
            return None
        return cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value] # a PNG of ours

    return Source(path, lambda: picture().rgb, mask)


def _link(output: Path, link: Path, target: Path) -> None:
    """Make a symbolic link, replacing what is there at once."""
    temporary = output / STATE_FOLDER / "tmp" / _unique()
    with output_errors(output, FULL):
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)


def _write_pieces(output: Path, path: Path, pieces: Iterator[bytes]) -> None:
    temporary = output / STATE_FOLDER / "tmp" / _unique()
    with output_errors(output):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.writelines(pieces)
        temporary.replace(path)


def _unique() -> str:
    return f"export-{os.getpid()}-{threading.get_ident()}-{next(_count)}"
