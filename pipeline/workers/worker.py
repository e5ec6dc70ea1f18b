"""The Dask side of a worker: set up once, then one picture file at a time."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Protocol

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from ... import __version__
from ...stages.errors import ConfigError, LocpipeError, ModelError, OutputError
from ...stages.models.loading import find_model, load_model
from ..output import layout as results
from ..picture.process import Bench, stage_of
from . import machine
from .messages import Job, Outcome, Place, Task
from .time_limit import time_limit

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Worker

__all__ = ["AnyJob", "Locpipe", "PictureWorker", "work"]


def work(plugin: str, task: Task) -> Outcome:
    """The function that Dask runs: hand the picture to the plugin of the run in this worker."""
    worker = get_worker().plugins[plugin]
    assert isinstance(worker, PictureWorker)
    return worker.process(task)


class AnyJob(Protocol):
    """What is the same for every picture of a run, whatever is done with them."""

    @property
    def version(self) -> str:
        """Of locpipe; workers must have the same."""

    @property
    def name(self) -> str:
        """Of this run among others at the same workers."""

    @property
    def place(self) -> Place:
        """Where the work is done."""

    @property
    def output(self) -> Path:
        """Folder of the results, absolute."""

    @property
    def timeout(self) -> float:
        """Seconds a picture may take."""


class PictureWorker(WorkerPlugin):
    """Gives a Dask worker what a run needs, and works on one picture at a time.

    Args:
        job: what is the same for every picture.
    """

    too_slow: ClassVar[str]
    """What to do about a picture that took too long; `{limit}` stands for the seconds."""
    too_large: ClassVar[str]
    """What to do about a picture whose worker died."""
    stage: ClassVar[str]
    """Where a worker dies."""

    def __init__(self, job: AnyJob) -> None:
        self.job = job

    def setup(self, worker: Worker) -> None:
        """Get ready, with what lies on this machine's disk.

        Raises:
            ConfigError: the worker has another version of locpipe.
            LocpipeError: the worker lacks what the run needs.
        """
        self.address = worker.address
        # A worker that joins late is given pictures even where this fails: it says so then.
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
        # The time limit is one for the process, and two pictures at once need twice the memory.
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
        """See that this worker has what the parent has.

        Raises:
            LocpipeError: of the kind given: it has something else.
        """
        if found != wanted:
            msg = f"worker {self.address} has {found}, here is {wanted}; {remedy}"
            raise error(msg)

    def prepare(self, memory: int) -> None:
        """Load what is needed, given so many bytes of memory."""
        raise NotImplementedError

    def do(self, task: Task) -> Outcome:
        """Work on one picture, and raise whatever is wrong with it."""
        raise NotImplementedError

    def clear(self, task: Task) -> None:
        """Remove what there is of a picture that failed."""
        raise NotImplementedError

    def stage_of(self, error: Exception) -> str:
        """The stage that an error came out of."""
        raise NotImplementedError

    def process(self, task: Task) -> Outcome:
        """Work on one picture; whatever is wrong with it becomes a failed outcome.

        Raises:
            LocpipeError: this worker could not be set up, or results cannot be written, which is
                not the fault of the picture.
        """
        if self.unfit is not None:
            raise self.unfit
        with self.one_at_a_time:
            try:
                with self._time_limit(task.key):
                    outcome = self.do(task)
            except OutputError:
                raise
            except Exception as error:  # noqa: BLE001 - one bad picture never stops the run
                self.clear(task)
                failure = (self.stage_of(error), type(error).__name__, str(error) or repr(error))
                outcome = Outcome(task.key, "failed", failure=failure)
            machine.return_freed_memory(self.most_memory)
        return replace(outcome, worker=self.address, peak_memory=machine.peak_memory())

    def _time_limit(self, key: str) -> AbstractContextManager[None]:
        if self.job.place == "inside":
            return nullcontext()
        return time_limit(self.job.timeout, self.job.output, key)


class Locpipe(PictureWorker):
    """Finds what is on pictures.

    Args:
        job: what is the same for every picture.
    """

    job: Job
    too_slow = "took longer than run.timeout = {limit:g} s; raise it, or set infer.long_side"
    too_large = "set infer.long_side, or raise run.memory_limit"
    stage = "infer"

    def prepare(self, memory: int) -> None:
        """Load the model.

        Raises:
            ModelError: the worker has no such model, or another one under this name.
        """
        model = load_model(find_model(self.job.model))
        name, remedy = f"model {self.job.model} of sha256 ", "copy the folder of the model to it"
        self.must_have(name + self.job.model_sha256, name + model.sha256, remedy, ModelError)
        self.bench = Bench(self.job, model, memory)

    def do(self, task: Task) -> Outcome:
        """Find what is on every page of a picture, and write it."""
        return self.bench.localize(task)

    def clear(self, task: Task) -> None:
        """Remove its results."""
        results.remove_results(self.job.output, task.key)

    def stage_of(self, error: Exception) -> str:
        """See `bench.stage_of`."""
        return stage_of(error)
