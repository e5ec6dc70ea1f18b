"""The Dask side of any worker: set-up once, then one picture at a time."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Protocol

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from ...stages.clock import Clock
from ...stages.errors import ConfigError, ImageError, LocpipeError, OutputError
from ...stages.version import __version__
from . import machine
from .messages import Outcome, Place, Task
from .signals import StoppedError, leave_if_asked
from .time_limit import TimeLimit, time_limit, was_begun

_LOG = logging.getLogger(__name__.partition(".")[0])
_MOST_WARNINGS = 10  # per picture


class _Listener(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.said.append(record.getMessage())


def work(plugin: str, tasks: Sequence[Task]) -> list[Outcome | None]:
    """The function that Dask runs: hand pictures to the plugin of the run in this worker.

    Returns:
        The outcome of each; None: it was not processed, as it has cost a worker already.
    """
    worker = get_worker().plugins[plugin]
    assert isinstance(worker, PictureWorker)
    with worker.expecting(tasks):
        outcomes = [worker.process(task) for task in tasks]
    return worker.deliver(outcomes)


class AnyJob(Protocol):
    """The data that are the same for every picture, for any kind of work."""

    @property
    def version(self) -> str:
        """Version of locpipe; workers must have the same."""

    @property
    def name(self) -> str:
        """Name of this run among others on the same workers."""

    @property
    def place(self) -> Place:
        """Where the work is done."""

    @property
    def desk(self) -> Path:
        """Folder of the run's internal files, absolute."""

    @property
    def timeout(self) -> float:
        """Seconds that a page may take."""


class PictureWorker(WorkerPlugin):
    """Gives a Dask worker what a run needs, and works on one picture at a time.

    Args:
        job: the data that are the same for every picture.
    """

    too_slow: ClassVar[str]
    """Remedy for a page that took too long; `{limit}` stands for the seconds."""
    too_large: ClassVar[str]
    """Remedy for a picture whose worker died."""

    def remedy(self, stage: str) -> str:  # noqa: ARG002 - of some workers
        """Say what to do about a picture whose worker died at a stage."""
        return self.too_large

    def __init__(self, job: AnyJob) -> None:
        self.job = job

    def setup(self, worker: Worker) -> None:
        """Prepare the worker, with files of this machine.

        Raises:
            ConfigError: the worker has another version of locpipe.
            LocpipeError: the worker lacks what the run needs.
        """
        self.address = worker.address
        # A worker that joins late gets pictures even if this fails; then it reports the error.
        self.unfit: LocpipeError | None = None
        try:
            self._set_up(worker.memory_manager.memory_limit or machine.MEMORY)
        except LocpipeError as error:
            self.unfit = error
            raise
        except Exception as error:
            self.unfit = LocpipeError(f"worker {self.address} cannot be set up ({error!r})")
            raise

    def _set_up(self, memory: int) -> None:
        self.must_have(f"locpipe {self.job.version}", f"locpipe {__version__}")
        machine.reuse_freed_memory()
        if self.job.place == "local":
            # Dask forgets its own errors when a worker is ended, most often on a busy machine.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        # A process has one time limit, and two pictures at once need twice the memory.
        self.one_at_a_time = threading.Lock()
        self.prepare(memory)
        self.most_memory = machine.resident_memory() + machine.KEPT

    def must_have(
        self,
        wanted: str,
        found: str,
        remedy: str = "install the same version everywhere",
        error: type[LocpipeError] = ConfigError,
    ) -> None:
        """Check that this worker has the same as the parent.

        Raises:
            LocpipeError: it has something else; the class is `error`.
        """
        if found != wanted:
            msg = f"worker {self.address} has {found}, here is {wanted}; {remedy}"
            raise error(msg)

    def prepare(self, memory: int) -> None:
        """Load model or engine; `memory` is available, in bytes."""
        raise NotImplementedError

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Process one picture, and measure each stage with the clock; errors are raised."""
        raise NotImplementedError

    def clear(self, task: Task) -> None:
        """Remove the results of a failed picture."""
        raise NotImplementedError

    def expecting(self, tasks: Sequence[Task]) -> AbstractContextManager[None]:
        """Prepare for a group of pictures, which are processed in the block."""
        del tasks
        return nullcontext()

    def deliver(self, outcomes: Sequence[Outcome | None]) -> list[Outcome | None]:
        """Finish a group of pictures while the next one is processed; return the outcomes.

        Raises:
            OutputError: results cannot be written.
        """
        return list(outcomes)

    def process(self, task: Task) -> Outcome | None:
        """Process one picture; any error of the picture becomes a failed outcome.

        Other schedulers give a picture whose worker died to the next worker, usually three times.
        Here the parent decides; for that, None is returned.

        Raises:
            LocpipeError: this worker could not be set up, or results cannot be written, which is
                not the fault of the picture.
        """
        if self.unfit is not None:
            raise self.unfit
        if self.job.place != "inside" and was_begun(self.job.desk, task.key, self.job.timeout):
            return None
        with self.one_at_a_time:
            with self._time_limit(task.key) as limit, self._warnings() as said:
                outcome = self._attempt(task, self._clock(limit))
            machine.return_freed_memory(self.most_memory)
        warnings = tuple(said[:_MOST_WARNINGS])
        return replace(
            outcome, worker=self.address, peak_memory=machine.peak_memory(), warnings=warnings
        )

    def _clock(self, limit: TimeLimit | None) -> Clock:
        def begin_page(page: int) -> None:
            leave_if_asked(self.job.desk)
            if limit:
                limit.begin_page(page)

        def go_on(stage: str) -> None:
            leave_if_asked(self.job.desk)
            if limit:
                limit.go_on(stage)

        if limit is None:
            return Clock(on_page=begin_page, on_progress=go_on)
        return Clock(limit.begin_stage, begin_page, limit.restart, go_on)

    def _attempt(self, task: Task, clock: Clock) -> Outcome:
        try:
            return self.do(task, clock)
        except OutputError:
            raise
        except StoppedError:
            return Outcome(task.key, "stopped")
        except Exception as error:  # noqa: BLE001 - one bad picture never stops the run
            self.clear(task)
            failure = (clock.current, type(error).__name__, str(error) or repr(error))
            needs = error.needs if isinstance(error, ImageError) else 0
            return Outcome(task.key, "failed", failure=failure, needs=self.needs_of(needs))

    def needs_of(self, *pages: int) -> int:
        """Return the memory that pages lacked, if fewer workers would have it; else 0."""
        is_ours = self.job.place == "local"
        return max((needs for needs in pages if is_ours and needs <= machine.MEMORY), default=0)

    @contextmanager
    def _warnings(self) -> Iterator[list[str]]:
        """Keep warnings for the parent, which logs them in its format, above its bar."""
        listener = _Listener(logging.WARNING)
        if self.job.place != "inside":
            _LOG.addHandler(listener)
        try:
            yield listener.said
        finally:
            _LOG.removeHandler(listener)

    def _time_limit(self, key: str) -> AbstractContextManager[TimeLimit | None]:
        if self.job.place == "inside":
            return nullcontext()
        return time_limit(self.job.timeout, self.job.desk, key)
