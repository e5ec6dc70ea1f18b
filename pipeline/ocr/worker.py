"""Reads one page in a Dask worker."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...stages.clock import Clock
from ...stages.load import Image
from ...stages.version import __version__
from ..config.sections import RunConfig
from ..output.archive import FinishedRun
from ..output.atomic import write_atomically
from ..output.box_json import Page
from ..output.layout import remove_durably
from ..output.shards import page_at
from ..workers.messages import Outcome, Place, Task
from ..workers.worker import PictureWorker
from .batches import Batches
from .engine import Engine
from .order import as_read
from .settings import FOLDER, ReadConfig, open_engine
from .text import SUFFIXES, PageText, files, sha256_of_boxes
from .units import readings

BUSY: Final = 10.0
"""Wall time that a batch of crops may take, in units of its limit: other programs may be busy."""


@dataclass(frozen=True)
class ReadJob:
    """The data of a reading that are the same for every page.

    Args:
        run: the run to read; its folder is absolute.
        config: the settings that decide the text.
        engine: version of the engine that every worker must have.
        workers: how the work is distributed.
        version: version of locpipe.
        name: name of this reading among others on the same workers.
    """

    run: FinishedRun
    config: ReadConfig
    engine: str
    workers: RunConfig
    version: str = __version__
    name: str = field(default_factory=lambda: f"locpipe-read-{uuid.uuid4().hex}")

    @property
    def place(self) -> Place:
        """Where pages are read: in the parent, in its own processes, or in other workers."""
        if self.workers.scheduler is not None:
            return "remote"
        return "inside" if self.workers.workers == 0 else "local"

    @property
    def output(self) -> Path:
        """Folder of the run."""
        return self.run.folder

    @property
    def desk(self) -> Path:
        """Folder of the internal files of a reading."""
        return self.run.folder

    @property
    def timeout(self) -> float:
        """Wall time in seconds that a page, or a batch of its crops, may take."""
        return BUSY * self.workers.timeout


def made_by(config: ReadConfig, engine: Engine) -> dict[str, str]:
    """Return what decides a text beside the picture and its boxes."""
    decisive = json.dumps([config.model_dump(), engine.padding, engine.min_confidence])
    return {
        "engine": engine.version,
        "language": engine.language,
        "read_sha256": hashlib.sha256(decisive.encode()).hexdigest(),
    }


def remove(output: Path, name: str) -> None:
    """Remove the texts of a page. The JSON goes first: if it is there, the others must be."""
    remove_durably(output, reversed(text_files(output, name)))


def text_files(output: Path, name: str) -> list[Path]:
    """Return the files with the text of a page, the JSON last."""
    return [output / FOLDER / f"{name}{suffix}" for suffix in SUFFIXES]


class Reader(PictureWorker):
    """Reads the boxes of pages."""

    job: ReadJob
    too_slow = "took longer than ten times --timeout = {limit:g} s; raise it"
    too_large = "use fewer --workers"

    def prepare(self, memory: int) -> None:  # noqa: ARG002 - engines are told no limit
        """Start the engine.

        Raises:
            ConfigError: the worker lacks the engine, or has another version.
        """
        self.engine = open_engine(self.job.config)
        self.must_have(self.job.engine, self.engine.version)

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Read every box of a page and write the texts; the task names the box JSON.

        The stages on the clock are load, read and write.
        """
        self.clear(task)  # if this process dies, no text of old boxes may remain
        with clock.stage("load"):
            page = page_at(task.path)
            picture = self.job.run.picture(page).absolute()
            image = self.job.run.decoded(page, picture)
        with clock.stage("read"):
            batches = Batches(self.engine, self.job.workers.timeout, clock.go_on)
            text = self._read(image, page, batches)
        with clock.stage("write"):
            folder = self.job.output / FOLDER
            maker = made_by(self.job.config, self.engine)
            maker["boxes_sha256"] = sha256_of_boxes(page)
            place = self.job.run.root / page.key  # it may be a member of a tar
            contents = files(text, place.absolute(), folder, maker)
            for name, content in contents.items():
                write_atomically(self.job.output, folder / name, content)
        pixels = image.width * image.height
        measured = (page.sha256, 1, len(text.counting), pixels, dict(clock.seconds))
        if batches.slow:
            kept = f"{batches.slow[0]}; {batches.unread} crops were not read, what was read is kept"
            return Outcome(task.key, "failed", *measured, ("read", "TimeoutError", kept))
        return Outcome(task.key, "done", *measured)

    def _read(self, image: Image, page: Page, batches: Batches) -> PageText:
        engine, asked = self.engine, self.job.config.min_confidence
        found = readings(batches, image.rgb, page.boxes, self.job.config.unit)
        if batches.slow and not batches.read_some:
            raise batches.slow[0]
        least = engine.min_confidence if asked is None else asked
        counting = PageText(page, found, least).counting
        ordered = as_read(page, found, counting, self.job.run.direction)
        return PageText(*ordered, least, batches.unread)

    def clear(self, task: Task) -> None:
        """Remove the earlier texts of a page."""
        remove(self.job.output, task.key)
