"""The worker of `locpipe run`: finds what is on pictures."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from ...stages.errors import ImageError, ModelError
from ...stages.models.card import Backbone
from ...stages.models.loading import find_model, load_model
from ..output.atomic import temporary_folder
from ..output.box_json import Maker
from ..output.courier import Courier
from ..output.fetch import at_hand
from ..output.layout import KINDS, prepare_output, without_picture
from ..sources.members import called, readable
from .dispatch import at_work
from .messages import Job, Outcome, Task
from .signals import StoppedError
from .worker import PictureWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from ...stages.clock import Clock
    from ..picture.process import Exporter
    from .signals import Stop


def finding_boxes(
    job: Job, exporter: Exporter, tasks: Iterable[Task], count: int, stop: Stop, needs: int = 0
) -> AbstractContextManager[Iterator[Outcome]]:
    """Start or join workers that find what is on pictures; see `dispatch.at_work`."""
    return at_work(BoxFinder(job, exporter), job.config.run, tasks, count, stop, needs)


class BoxFinder(PictureWorker):
    """Finds what is on pictures.

    Args:
        job: what is the same for every picture.
        exporter: of the run.
    """

    job: Job
    too_slow = "took longer than run.timeout = {limit:g} s; raise it, or set infer.long_side"
    too_large = "set infer.long_side, or raise run.memory_limit"

    def __init__(self, job: Job, exporter: Exporter) -> None:
        super().__init__(job)
        self.exporter = exporter

    def remedy(self, stage: str) -> str:
        """Say what to do about a picture whose worker died at a stage."""
        if stage in KINDS:
            return f"it needs more memory {without_picture(stage)}"
        return self.too_large

    def prepare(self, memory: int) -> None:
        """Load the model.

        Raises:
            ModelError: the worker has no such model, or another one under this name.
        """
        # Late: it imports what the stages need, and the parent does not.
        from ..picture.process import PictureProcessor  # noqa: PLC0415

        model = load_model(find_model(self.job.model))
        name, remedy = f"model {self.job.model} of sha256 ", "copy the folder of the model to it"
        self.must_have(name + self.job.model_sha256, name + model.sha256, remedy, ModelError)
        called = self.job.model
        maker = Maker(
            model.card.name if isinstance(called, Backbone) else Path(called).name,
            self.job.model_sha256,
            self.job.config_sha256,
        )
        self.courier = None
        if self.job.remote is not None:
            prepare_output(
                self.job.output
            )  # this machine may be another one than that of the parent
            self.courier = Courier(self.job.remote, self.job.output)
        self.processor = PictureProcessor(self.job.here, model, maker, self.exporter, memory)
        self.engine = self.processor.open_engine()

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Find what is on every page of a picture, and write it."""
        if task.fault:
            raise ImageError(task.fault)
        with (
            at_hand(task.path, temporary_folder(self.job.output), clock) as file,
            readable(file) as path,
            self._carried(task, clock) as carry,
        ):
            found = self.processor.process_file(
                task.key,
                path,
                clock,
                force=task.force,
                before=task.pages,
                leave=(*task.left_alone, *(failure.page for failure in task.failed)),
            )
            carry(found.pages)
        named = [replace(one, message=called(one.message, path, file)) for one in found.failed]
        failed = tuple(sorted((*task.failed, *named), key=attrgetter("page")))
        return Outcome(
            task.key,
            "failed" if failed else "kept" if found.is_kept else "done",
            found.sha256,
            found.pages,
            found.boxes,
            found.pixels,
            dict(clock.seconds) if found.seconds else {},
            engine="" if found.is_kept else self.engine,
            cut=found.cut,
            filtered=dict(found.filtered),
            failed_pages=failed,
            least_memory=found.least_memory,
            hottest=found.hottest,
            rows=found.rows,
            needs=self.needs_of(*found.needs),
        )

    @contextmanager
    def _carried(self, task: Task, clock: Clock) -> Iterator[Callable[[int | None], None]]:
        """Have the results of a picture at hand; yield what puts those of so many pages into the bucket."""
        courier = self.courier
        if courier is None:
            yield lambda _: None
            return

        def carry(pages: int | None) -> None:
            with clock.stage("send"):
                courier.send(task.key, pages, task.there)

        if task.there and not task.force:
            with clock.stage("fetch"):
                courier.bring(task.there)
        try:
            yield carry
        except StoppedError:
            carry(None)
            raise

    def clear(self, task: Task) -> None:
        """Remove its results; those in a bucket are left to the parent."""
        self.processor.remove(task.key, task.pages)
