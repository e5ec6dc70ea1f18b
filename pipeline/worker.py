"""The Dask side of a worker: set up once, then one picture file at a time."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from .. import __version__
from ..stages.errors import ConfigError, ModelError, OutputError
from ..stages.model import find_model, load_model
from . import machine, results
from .bench import Bench, stage_of
from .tasks import Job, Outcome, Task
from .watchdog import time_limit

if TYPE_CHECKING:
    from distributed import Worker

    from ..stages.model import Model

__all__ = ["Locpipe", "work"]


def work(plugin: str, task: Task) -> Outcome:
    """The function that Dask runs: hand the picture to the plugin of the run in this worker."""
    locpipe = get_worker().plugins[plugin]
    assert isinstance(locpipe, Locpipe)
    return locpipe.process(task)


class Locpipe(WorkerPlugin):
    """Gives a Dask worker the model and settings of a run.

    Args:
        job: what is the same for every picture.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def setup(self, worker: Worker) -> None:
        """Load the model from this machine's disk.

        Raises:
            ConfigError: the worker has another version of locpipe.
            ModelError: the worker has no such model, or another one under this name.
        """
        if self.job.version != __version__:
            msg = (
                f"worker {worker.address} has locpipe {__version__}, this is {self.job.version}; "
                "install the same version everywhere"
            )
            raise ConfigError(msg)
        machine.return_freed_memory()
        memory = worker.memory_manager.memory_limit or machine.MEMORY
        self.address = worker.address
        self.bench = Bench(self.job, self._load_model(worker.address), memory)
        # The time limit is one for the process, and two pictures at once need twice the memory.
        self.one_at_a_time = threading.Lock()

    def _load_model(self, address: str) -> Model:
        model = load_model(find_model(self.job.model))
        if model.sha256 != self.job.model_sha256:
            msg = (
                f"worker {address} has another model {self.job.model} (sha256 {model.sha256}, here "
                f"{self.job.model_sha256}); copy the folder of the model to it"
            )
            raise ModelError(msg)
        return model

    def process(self, task: Task) -> Outcome:
        """Work on one picture; whatever is wrong with it becomes a failed outcome.

        Raises:
            OutputError: results cannot be written, which is not the fault of the picture.
        """
        with self.one_at_a_time:
            try:
                with self._time_limit(task.key):
                    outcome = self.bench.localize(task)
            except OutputError:
                raise
            except Exception as error:  # noqa: BLE001 - one bad picture never stops the run
                results.remove_results(self.job.config.output.path, task.key)
                failure = (stage_of(error), type(error).__name__, str(error) or repr(error))
                outcome = Outcome(task.key, "failed", failure=failure)
        return replace(outcome, worker=self.address, peak_memory=machine.peak_memory())

    def _time_limit(self, key: str) -> AbstractContextManager[None]:
        if self.job.place == "inside":
            return nullcontext()
        return time_limit(self.job.config.run.timeout, self.job.config.output.path, key)
