"""Writes pages to files below `exports/`."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.errors import ImageError
from ...stages.load import Image
from ..config.sections import Config
from ..output.archive import FinishedRun
from ..output.atomic import (
    Unsettled,
    check_inside,
    output_errors,
    replacing,
    settle,
    write_atomically,
)
from ..output.box_json import Page, page_of
from ..output.layout import prepare_output, remove_durably, result_path
from ..output.pictures import mask_pixels
from ..output.root import remembered_root
from ..output.shards import ShardPage
from .formats import FOLDER, format_named, remove
from .source import Content, Link, MaskOptions, PageSource
from .stems import by_stem, shared_stems

if TYPE_CHECKING:
    from ...stages.localize import Result

log = logging.getLogger(__name__)


def export(
    run: FinishedRun,
    formats: Iterable[str],
    *,
    only_missing: bool = False,
    masks: MaskOptions = MaskOptions(),  # noqa: B008 - it is frozen, so calls may share it
) -> int:
    """Write a run in other formats; return how many pages were left out.

    A page is left out, with a warning, if its picture has moved or changed. With `only_missing`,
    existing files stay; otherwise earlier exports are replaced.

    Raises:
        ConfigError: a box JSON is damaged.
        OutputError: the output cannot be written.
    """
    formats = tuple(dict.fromkeys(formats))
    prepare_output(run.folder)
    for name in formats:
        folder = _folder(run.folder, name)
        check_inside(run.folder, folder)
        if not only_missing:
            shutil.rmtree(folder, ignore_errors=True)
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    unsettled = Unsettled(run.folder)
    left_out: dict[str, list[str]] = {}
    untold: dict[str, str] = {}
    shared = _shared(run, formats)
    for page in run.pages():
        untold |= {box.direction: page.name for box in page.boxes if box.direction != "ltr"}
        named = {name: _named(page, name, shared) for name in formats}
        if missing := _export_page(run, named, page, masks):
            left_out[page.name] = missing
        unsettled.add(_last_file(run.folder, name, one) for name, one in named.items())

    _tell_untold(formats, untold)

    def kept(name: str) -> Iterator[Page]:
        return (page for page in run.pages() if name not in left_out.get(page.name, ()))

    for name in formats:
        pages = partial(kept, name)
        for file, pieces in format_named(name).joined(pages, _folder(run.folder, name)).items():
            path = run.folder / FOLDER / file
            with (
                output_errors(run.folder),
                replacing(run.folder, path) as temporary,
                temporary.open("wb") as stream,
            ):
                stream.writelines(pieces)
            unsettled.add([path])
    unsettled.settle()
    return len(left_out)


def _shared(run: FinishedRun, formats: Iterable[str]) -> frozenset[str]:
    """Return the names by stem that no file may have, and remove such files of earlier runs."""
    of_stems = [name for name in formats if format_named(name).by_stem]
    if not of_stems:
        return frozenset()
    shared = shared_stems(run.pages())
    for name in of_stems:
        last_file = format_named(name).last_file
        remove_durably(
            run.folder, (_folder(run.folder, name) / last_file(stem) for stem in sorted(shared))
        )
    return shared


def _named(page: Page, name: str, shared: frozenset[str]) -> Page:
    """Return the page, with a key that gives the name of its files in a format."""
    if not format_named(name).by_stem:
        return page
    short = by_stem(page)
    return page if short.name in shared else short


def _tell_untold(formats: Iterable[str], directions: Mapping[str, str]) -> None:
    """Warn once of directions that formats cannot express; `directions` has a page for each."""
    silent = [name for name in formats if not format_named(name).tells_direction]
    if directions and silent:
        found = ", ".join(f"{one} on {page!r}" for one, page in sorted(directions.items()))
        log.warning(
            "%s cannot say in which direction text runs (%s); use page, alto, hocr or geojson where it matters",
            ", ".join(silent),
            found,
        )


class RunExports:
    """Writes the exports that the config of a run asks for; see `picture.process.Exporter`.

    The paths of the config are absolute.
    """

    def __init__(self, config: Config) -> None:
        self._input, self._output = config.input, config.output

    def write(self, result: Result, path: Path, document: Mapping[str, Any]) -> None:
        """Export a page; its picture and mask are in memory."""
        output = self._output
        if not output.exports:
            return
        source = PageSource(
            path.absolute(),
            lambda: result.image.rgb,
            lambda: mask_pixels(result) if output.masks else None,
        )
        page = page_of(document, str(path))
        for name in output.exports:
            if not format_named(name).by_stem:  # formats by stem are written at the end
                export_page(output.path, name, page, source)

    def remove(self, key: str, name: str) -> None:
        """Remove the exports of a page in all formats."""
        remove(self._output.path, key, name)

    def finish(self, incomplete: frozenset[str]) -> int:
        """Export pictures of earlier runs, and write the files about all pictures."""
        if not self._output.exports:
            return 0
        folder = self._output.path
        root = remembered_root(folder) or self._input.path
        run = FinishedRun(folder, self._input, (), root, incomplete)
        return export(run, self._output.exports, only_missing=True)


def _export_page(
    run: FinishedRun, named: Mapping[str, Page], page: Page, masks: MaskOptions
) -> list[str]:
    """Write the missing files of a page, and return the formats that cannot hold it.

    `named` has the page by format, with the name of its files in that format.
    """
    left_out: dict[str, str] = {}
    source = None
    for name, one in named.items():
        if _is_there(run.folder, name, one):
            continue
        try:
            source = source or _source(run, page, masks)
            export_page(run.folder, name, one, source)
        except ImageError as error:
            left_out[name] = str(error)
        except OSError as error:  # only this file failed; otherwise it would be an OutputError
            left_out[name] = f"{page.name!r}: {error.strerror}"
    for reason in dict.fromkeys(left_out.values()):
        log.warning("left out: %s", reason)
    remove(run.folder, page.key, page.name, left_out)
    return list(left_out)


def export_page(output: Path, name: str, page: Page, source: PageSource) -> None:
    """Write a page in one format.

    Raises:
        ImageError: the picture cannot be decoded, or the name of a file would be too long.
        OutputError: the output cannot be written.
    """
    folder = _folder(output, name)
    files = list(format_named(name).files(page, source, folder).items())
    for file, content in files[:-1]:
        _write(output, folder / file, content)
    # If the last file is there, the others must be. So their names become durable first.
    settle(output, (folder / file for file, _ in files[:-1]))
    for file, content in files[-1:]:
        _write(output, folder / file, content)


def _write(output: Path, file: Path, content: Content) -> None:
    if isinstance(content, Link):
        with replacing(output, file) as temporary:
            temporary.symlink_to(content.target)
    else:
        write_atomically(output, file, content)


def _last_file(output: Path, name: str, page: Page) -> Path:
    return _folder(output, name) / format_named(name).last_file(page.name)


def _folder(output: Path, name: str) -> Path:
    return output.absolute() / FOLDER / name


def _is_there(output: Path, name: str, page: Page) -> bool:
    format_ = format_named(name)
    if format_.needs_boxes and not page.boxes:
        return True
    return _last_file(output, name, page).exists()


def _source(run: FinishedRun, page: Page, masks: MaskOptions) -> PageSource:
    path = run.picture(page).absolute()

    @cache
    def picture() -> Image:
        return run.decoded(page, path)

    def mask() -> NDArray[np.uint8] | None:
        if isinstance(page, ShardPage):
            return page.mask()
        file = result_path(run.folder, "masks", page.key, page.page)
        if not file.exists():
            return None
        return cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value] # a PNG of ours

    return PageSource(path, lambda: picture().rgb, mask, masks)
