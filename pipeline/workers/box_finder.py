"""The worker of `locpipe run`, which finds boxes on pictures."""

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
from ..output.fetch import Fetched
from ..output.layout import KINDS, prepare_output, without_picture
from ..sources.members import called, readable
from .dispatch import at_work
from .messages import Job, Outcome, Task
from .parcels import Parcels
from .signals import StoppedError
from .worker import PictureWorker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ...stages.clock import Clock
    from ..picture.process import Exporter, Processed
    from .signals import Stop


def finding_boxes(
    job: Job, exporter: Exporter, tasks: Iterable[Task], count: int, stop: Stop, needs: int = 0
) -> AbstractContextManager[Iterator[Outcome]]:
    """Start or join workers that find boxes; see `dispatch.at_work`."""
    return at_work(BoxFinder(job, exporter), job.config.run, tasks, count, stop, needs)


class BoxFinder(PictureWorker):
    """Finds boxes on pictures.

    Args:
        job: the data that are the same for every picture.
        exporter: the exporter of the run.
    """

    job: Job
    too_slow = "took longer than run.timeout = {limit:g} s (per 100 megapixels, if it has more); raise it, or set infer.long_side"
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
        # Late: it imports packages that only the stages need, not the parent.
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
        self.parcels = None
        if self.job.remote is not None:
            prepare_output(self.job.output)  # this may be another machine than the parent's
            if self.job.config.output.layout == "files":
                self.parcels = Parcels(Courier(self.job.remote, self.job.output))
        self.processor = PictureProcessor(self.job.here, model, maker, self.exporter, memory)
        self.engine = self.processor.open_engine()

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Process every page of a picture, and write the results."""
        if task.fault:
            raise ImageError(task.fault)
        with (
            self.fetched.at_hand(task.path, clock) as file,
            readable(file) as path,
        ):
            found = self._process(task, path, clock)
        named = [replace(one, message=called(one.message, path, file)) for one in found.failed]
        failed = tuple(sorted((*task.failed, *named), key=attrgetter("page")))
        return Outcome(
            task.key,
            "failed" if failed else "kept" if found.is_kept else "done",
            found.sha256,
            found.pages,
            found.boxes,
            found.pixels,
            found.seconds,
            engine="" if found.is_kept else self.engine,
            cut=found.cut,
            filtered=dict(found.filtered),
            failed_pages=failed,
            least_memory=found.least_memory,
            hottest=found.hottest,
            rows=found.rows,
            needs=self.needs_of(*found.needs),
        )

    def _process(self, task: Task, path: Path, clock: Clock) -> Processed:
        """Find boxes on one picture; if results go to a bucket, pack them."""
        if self.parcels is not None and task.there:
            with clock.stage("fetch"):
                self.parcels.bring(task)
        try:
            found = self.processor.process_file(
                task.key,
                path,
                clock,
                force=task.force,
                before=task.pages,
                leave=(*task.left_alone, *(failure.page for failure in task.failed)),
            )
        except StoppedError:
            if self.parcels is not None:
                self.parcels.pack(task, None)
            raise
        if self.parcels is not None:
            self.parcels.pack(task, found.pages)
        return found

    @contextmanager
    def expecting(self, tasks: Sequence[Task]) -> Iterator[None]:
        """Fetch the pictures of a group ahead, until the end of the block."""
        places = (task.path for task in tasks)
        with Fetched(places, temporary_folder(self.job.output)) as self.fetched:
            yield

    def deliver(self, outcomes: Sequence[Outcome | None]) -> list[Outcome | None]:
        """Send the results to the bucket, if there is one."""
        return list(outcomes) if self.parcels is None else self.parcels.deliver(outcomes)

    def clear(self, task: Task) -> None:
        """Remove the results of a picture; the parent removes those in a bucket."""
        self.processor.remove(task.key, task.pages)
