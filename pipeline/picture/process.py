"""One picture file, from its bytes to its results on disk. Only workers load this."""

import hashlib
import itertools
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ...stages.clock import Clock
from ...stages.engines.limits import computing_with
from ...stages.errors import ImageError
from ...stages.load import load, probe
from ...stages.localize import Result, localize_image, open_engine
from ...stages.models.loading import Model
from ...stages.scratch import scratch_in
from ..config.sections import Config
from ..output.atomic import temporary_folder
from ..output.box_json import Maker, box_document, page_of_result, read_kept
from ..output.layout import page_name, remove_page
from .memory import check_memory
from .write import write_document, write_pictures


class Exporter(Protocol):
    """Writes results in the formats of other tools. It travels to the workers, so it pickles."""

    def write(self, result: Result, path: Path, document: Mapping[str, Any]) -> None:
        """Export a page as it is finished; runs in the workers.

        Args:
            result: what the stages found on the page.
            path: of the picture.
            document: box JSON of the page.
        """

    def remove(self, key: str, name: str) -> None:
        """Remove what was exported of a page; runs in the workers.

        Args:
            key: of the picture.
            name: of the page.
        """

    def finish(self) -> int:
        """Write what is missing and the files about all pages; runs in the parent, at the end.

        Returns:
            How many pages could not be exported: their pictures are gone, for example.
        """


@dataclass(frozen=True)
class Processed:
    """What was found on a picture file.

    Attributes:
        sha256: of the file.
        pages: of the file.
        boxes: on all pages.
        pixels: of all pages; 0 when nothing was computed.
        seconds: time of each stage, summed over the pages.
        is_kept: whether its results were there already: same content, config and model.
        cut: boxes that were found and left out because of boxes.max.
    """

    sha256: str
    pages: int
    boxes: int
    pixels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    is_kept: bool = False
    cut: int = 0


@dataclass(frozen=True)
class PictureProcessor:
    """Finds what is on picture files and writes it.

    Attributes:
        config: what to do, its paths absolute.
        model: of the config.
        maker: what results say they were made by.
        exporter: of the run.
        memory: that there is to work with, in bytes.
    """

    config: Config
    model: Model
    maker: Maker
    exporter: Exporter
    memory: int

    def open_engine(self) -> str:
        """Open the engine, and return its name; what is wrong with it shows before a picture."""
        return open_engine(self.model, self.config, self.config.run.threads)

    def process_file(self, key: str, path: Path, clock: Clock, *, force: bool = False) -> Processed:
        """Find what is on every page of a file and write it, unless that has been done.

        Args:
            key: of the picture.
            path: of the picture.
            clock: told each stage as it begins.
            force: do it again even if it has been done.

        Raises:
            ImageError: the picture cannot be read, or is too large.
            OutputError: results cannot be written.
        """
        sha256 = _hash(path)
        pages = probe(path).pages
        with clock.stage("write"):
            kept = None if force else self._boxes_kept(key, sha256, pages)
            if kept is not None:
                return Processed(sha256, pages, kept, is_kept=True)
            self.remove(key)
        boxes = cut = pixels = 0
        run, scratch = self.config.run, temporary_folder(self.config.output.path)
        with computing_with(run.threads, run.memory), scratch_in(scratch):
            for page in range(1, pages + 1):
                result = self._localize(path, page, clock)
                with clock.stage("write"):
                    self._write(result, path, key, sha256)
                boxes += len(result.boxes.items)
                cut += result.boxes.dropped
                pixels += result.image.width * result.image.height
        return Processed(sha256, pages, boxes, pixels, dict(clock.seconds), cut=cut)

    def remove(self, key: str) -> None:
        """Remove all results of a picture, its exports first and its masks last."""
        for page in itertools.count(1):
            self.exporter.remove(key, page_name(key, page))
            if not remove_page(self.config.output.path, key, page):
                return

    def _boxes_kept(self, key: str, sha256: str, pages: int) -> int | None:
        """Number of boxes, when all results of this very content, config and model are there."""
        boxes = 0
        for page in range(1, pages + 1):
            kept = read_kept(self.config.output, key, page)
            if kept is None or (kept.made_by, kept.sha256) != (self.maker, sha256):
                return None
            boxes += len(kept.boxes)
        return boxes

    def _localize(self, path: Path, page: int, clock: Clock) -> Result:
        config = self.config
        with clock.stage("load"):
            check_memory(path, probe(path, page=page), self.model, config, self.memory)
            image = load(
                path,
                page=page,
                background=config.input.background,
                max_megapixels=config.input.max_megapixels,
            )
        return localize_image(image, self.model, config, clock=clock)

    def _write(self, result: Result, path: Path, key: str, sha256: str) -> None:
        output = self.config.output
        write_pictures(output, key, result)
        found = page_of_result(result, key, sha256, self.maker)
        document = box_document(found, dropped=result.boxes.dropped)
        self.exporter.write(result, path, document)
        write_document(output, key, result.image.page, document)


def _hash(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # a folder comes this far only when it could not be listed
        if not stat.S_ISREG(mode):
            msg = f"{str(path)!r}: is not a file; give pictures as files"
            raise ImageError(msg)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        msg = (
            f"{str(path)!r}: cannot be read ({error.strerror}); check that it is there and readable"
        )
        raise ImageError(msg) from error
