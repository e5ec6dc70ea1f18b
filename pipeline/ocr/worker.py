"""Reading one page in a Dask worker."""

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
"""What a batch of crops may take by the clock, in units of its limit: other programs work beside us."""


@dataclass(frozen=True)
class ReadJob:
    """What is the same for every page that is read.

    Args:
        run: the run to read, its folder absolute.
        config: what decides the text.
        engine: version that the engine must have on every worker.
        workers: how the work is spread.
        version: of locpipe.
        name: of this run among others at the same workers.
    """

    run: FinishedRun
    config: ReadConfig
    engine: str
    workers: RunConfig
    version: str = __version__
    name: str = field(default_factory=lambda: f"locpipe-read-{uuid.uuid4().hex}")

    @property
    def place(self) -> Place:
        """In the parent itself, in processes of ours, or in workers that others started."""
        if self.workers.scheduler is not None:
            return "remote"
        return "inside" if self.workers.workers == 0 else "local"

    @property
    def output(self) -> Path:
        """Folder of the run."""
        return self.run.folder

    @property
    def desk(self) -> Path:
        """Folder of what a reading keeps to itself."""
        return self.run.folder

    @property
    def timeout(self) -> float:
        """Seconds by the clock that a page may take, or a batch of its crops."""
        return BUSY * self.workers.timeout


def made_by(config: ReadConfig, engine: Engine) -> dict[str, str]:
    """What decides a text besides the picture and its boxes."""
    decisive = json.dumps([config.model_dump(), engine.padding, engine.min_confidence])
    return {
        "engine": engine.version,
        "language": engine.language,
        "read_sha256": hashlib.sha256(decisive.encode()).hexdigest(),
    }


def remove(output: Path, name: str) -> None:
    """Remove what was read on a page, the JSON first: where it is, the others must be."""
    remove_durably(output, reversed(text_files(output, name)))


def text_files(output: Path, name: str) -> list[Path]:
    """The files of what was read on a page, the JSON last."""
    return [output / FOLDER / f"{name}{suffix}" for suffix in SUFFIXES]


class Reader(PictureWorker):
    """Reads the boxes of pages."""

    job: ReadJob
    too_slow = "took longer than ten times --timeout = {limit:g} s; raise it"
    too_large = "use fewer --workers"

    def prepare(self, memory: int) -> None:  # noqa: ARG002 - engines are told no limit
        """Start the engine.

        Raises:
            ConfigError: the worker has no such engine, or another version of it.
        """
        self.engine = open_engine(self.job.config)
        self.must_have(self.job.engine, self.engine.version)

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Read every box of the page whose box JSON the task names, and write the texts.

        The clock is told the stages load, read and write.
        """
        self.clear(task)  # even if this process dies, no text of other boxes may remain
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
            place = self.job.run.root / page.key  # also of a member of a tar
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
        """Remove what was read on a page before."""
        remove(self.job.output, task.key)
