"""Processes one picture file, from its bytes to its results. Only workers import this."""

import hashlib
import itertools
import os
import stat
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

from ...stages.clock import Clock
from ...stages.decoding.formats import count_pages
from ...stages.decoding.huge import LARGEST_AT_ONCE
from ...stages.engines.limits import computing_with
from ...stages.errors import ImageError, OutputError
from ...stages.load import Header, load
from ...stages.localize import Result, localize_image, open_engine
from ...stages.models.loading import Model
from ...stages.paths import name_of
from ...stages.scratch import scratch_in
from ..config.sections import Config
from ..output.atomic import temporary_folder
from ..output.box_json import Maker, box_document, boxes_dropped, page_of_result, read_kept
from ..output.failures import PageFailure
from ..output.layout import page_name, remove_page
from ..output.pictures import mask_pixels
from ..output.shards import Row, row_of
from .memory import check_memory
from .write import write_document, write_pictures


class Exporter(Protocol):
    """Writes results in the formats of other tools. It is sent to the workers, so it pickles."""

    def write(self, result: Result, path: Path, document: Mapping[str, Any]) -> None:
        """Export a page when it is finished; runs in the workers.

        Args:
            result: results of the stages for the page.
            path: the picture.
            document: the box JSON of the page.
        """

    def remove(self, key: str, name: str) -> None:
        """Remove the exports of a page; runs in the workers.

        Args:
            key: key of the picture.
            name: name of the page.
        """

    def finish(self, incomplete: frozenset[str]) -> int:
        """Write missing exports and the files about all pages; runs in the parent, at the end.

        Args:
            incomplete: keys of pictures that failed as a whole or in part. They are not exported.

        Returns:
            The number of pages that could not be exported, for example because pictures are gone.
        """


@dataclass(frozen=True)
class Processed:
    """The results of a picture file, in numbers.

    Attributes:
        sha256: hash of the file.
        pages: number of pages.
        boxes: number of boxes on all pages.
        pixels: pixels of all pages; 0 if nothing was computed.
        seconds: time of each stage, summed over the pages.
        is_kept: whether results of the same content, config and model existed already.
        cut: number of boxes that boxes.max left out.
        filtered: number of boxes that each key of boxes.keep removed now, on all pages.
        failed: failed pages of a file with several pages.
        least_memory: the value that run.memory needed, in bytes; 0: it was enough.
        hottest: largest value of the heatmaps of all pages, 0..1.
        rows: rows of its pages, if results lie in shards.
        needs: bytes of memory that would be enough for the pages that lacked it.
    """

    sha256: str
    pages: int
    boxes: int
    pixels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    is_kept: bool = False
    cut: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    failed: tuple[PageFailure, ...] = ()
    least_memory: int = 0
    hottest: float = 0.0
    needs: tuple[int, ...] = ()
    rows: tuple[Row, ...] = ()

    def having(self, result: Result, *rows: Row) -> Self:
        """Count a page."""
        return replace(
            self,
            boxes=self.boxes + len(result.boxes.items),
            pixels=self.pixels + result.image.width * result.image.height,
            cut=self.cut + result.boxes.dropped,
            filtered=self.filtered + Counter(result.boxes.filtered),
            hottest=max(self.hottest, float(result.heatmap.values.max(initial=0))),
            rows=(*self.rows, *rows),
        )

    def without(self, page: int, stage: str, error: Exception) -> Self:
        """Note a page that failed."""
        failure = PageFailure(page, stage, type(error).__name__, str(error) or repr(error))
        needs = (error.needs,) if isinstance(error, ImageError) and error.needs else ()
        return replace(self, failed=(*self.failed, failure), needs=(*self.needs, *needs))


@dataclass(frozen=True)
class PictureProcessor:
    """Runs the stages on picture files and writes the results.

    Attributes:
        config: the config, with absolute paths.
        model: the model of the config.
        maker: the maker that is written into results.
        exporter: the exporter of the run.
        memory: available memory in bytes.
    """

    config: Config
    model: Model
    maker: Maker
    exporter: Exporter
    memory: int

    def open_engine(self) -> str:
        """Open the engine, so that errors show before the first picture; return its name."""
        return open_engine(self.model, self.config, self.config.run.threads)

    def process_file(
        self,
        key: str,
        path: Path,
        clock: Clock,
        *,
        force: bool = False,
        before: int = 0,
        leave: Collection[int] = (),
    ) -> Processed:
        """Process every page of a file and write the results, unless they exist.

        In a file with several pages, a damaged or too large page fails alone. Pages of a file with
        failures are not exported.

        Args:
            key: of the picture.
            path: of the picture.
            clock: learns each stage, and each page of several, when it begins.
            force: ignore existing results.
            before: number of pages that the file may have had before.
            leave: failed pages that are not tried again.

        Raises:
            ImageError: the picture cannot be read, or is too large.
            OutputError: results cannot be written.
            Exception: an error of the clock when a page begins; the pages before it are done.
        """
        sha256 = _hash(path)
        pages = count_pages(path)
        with clock.stage("write"):
            kept = {} if force or self._in_shards else self._kept(key, sha256, pages)
            todo = [page for page in range(1, pages + 1) if page not in kept and page not in leave]
            if todo or len(kept) < pages:
                self._remove_but(kept, key, max(before, pages))
        boxes = sum(boxes for boxes, _ in kept.values())
        # In a partly finished file, they are from this run before it was stopped.
        cut = sum(cut for _, cut in kept.values()) if todo else 0
        found = Processed(sha256, pages, boxes, is_kept=not todo, cut=cut)
        run, scratch = self.config.run, temporary_folder(self.config.output.path)
        with computing_with(run.threads, run.memory) as needed, scratch_in(scratch):
            for page in todo:
                if pages > 1:
                    clock.begin_page(page)
                try:
                    result, rows = self._do_page(path, page, clock, key, sha256)
                except OutputError:
                    raise
                except Exception as error:
                    if pages == 1:
                        raise
                    found = found.without(page, clock.current, error)
                    self._remove_page(key, page)
                else:
                    found = found.having(result, *rows)
        if leave or found.failed:
            for page in range(1, pages + 1):
                self.exporter.remove(key, page_name(key, page))
        seconds = dict(clock.seconds) if todo else {}
        return replace(found, seconds=seconds, least_memory=needed.memory)

    def remove(self, key: str, before: int = 0) -> None:
        """Remove all results of a picture, which may have had `before` pages."""
        self._remove_but((), key, before)

    def _remove_but(self, kept: Collection[int], key: str, last: int) -> None:
        for page in itertools.count(1):
            if page not in kept and not self._remove_page(key, page) and page > last:
                return

    def _remove_page(self, key: str, page: int) -> bool:
        """Remove the results of a page, exports first, masks last; say whether there were any."""
        if self._in_shards:
            return False  # the parent replaces old rows by new ones
        self.exporter.remove(key, page_name(key, page))
        return remove_page(self.config.output.path, key, page)

    def _kept(self, key: str, sha256: str, pages: int) -> dict[int, tuple[int, int]]:
        """Return the pages with results of this content, config and model.

        The values are the number of boxes, and the number that boxes.max left out.
        """
        found = {}
        for page in range(1, pages + 1):
            kept = read_kept(self.config.output, key, page)
            if kept is not None and (kept.made_by, kept.sha256) == (self.maker, sha256):
                found[page] = len(kept.boxes), boxes_dropped(kept)
        return found

    @property
    def _in_shards(self) -> bool:
        return self.config.output.layout == "shards"

    def _do_page(
        self, path: Path, page: int, clock: Clock, key: str, sha256: str
    ) -> tuple[Result, tuple[Row, ...]]:
        """Run the stages on one page and write its results, or return them as rows for a shard."""
        result = localize_page(path, page, self.model, self.config, self.memory, clock)
        found = page_of_result(result, key, sha256, self.maker)
        boxes = result.boxes
        document = box_document(found, dropped=boxes.dropped, filtered=boxes.filtered)
        if self._in_shards:
            with clock.stage("write"):
                mask = mask_pixels(result) if self.config.output.masks else None
                return result, (row_of(document, mask),)
        write_pictures(self.config.output, key, result, clock)
        with clock.stage("write"):
            self._write(result, path, key, document)
        return result, ()

    def _write(self, result: Result, path: Path, key: str, document: dict[str, Any]) -> None:
        output = self.config.output
        self.exporter.write(result, path, document)
        write_document(output, key, result.image.page, document)


def localize_page(
    path: Path, page: int, model: Model, config: Config, memory: int, clock: Clock
) -> Result:
    """Run the stages on a page, and write nothing.

    Args:
        path: of the picture.
        page: from 1.
        model: the model of the config.
        config: what to do.
        memory: available memory in bytes.
        clock: told each stage as it begins.

    Raises:
        ImageError: the page cannot be read, or is too large.
    """

    def check(header: Header) -> None:
        if header.megapixels > LARGEST_AT_ONCE:
            clock.begin_large(header.megapixels / LARGEST_AT_ONCE)
        check_memory(path, header, model, config, memory)

    with clock.stage("load"):
        image = load(
            path,
            page=page,
            background=config.input.background,
            max_megapixels=config.input.max_megapixels,
            check=check,
        )
    return localize_image(image, model, config, clock=clock)


def _hash(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # a folder gets here only if it could not be listed
        if not stat.S_ISREG(mode):
            msg = f"{name_of(path)}: is not a file; give pictures as files"
            raise ImageError(msg)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        msg = f"{name_of(path)}: cannot be read ({error.strerror}); check that it is there and readable"
        raise ImageError(msg) from error
