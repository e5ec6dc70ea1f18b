"""Hands pictures to workers, a few at a time, and takes back what became of each."""

import queue
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from typing import Final

from dask.typing import Key
from distributed import Client, Future, KilledWorker

from ...stages.errors import LocpipeError
from ..config.sections import RunConfig
from .cluster import open_client
from .messages import Outcome, Task
from .signals import Stop
from .time_limit import Ending, how_it_ended
from .worker import PictureWorker, work

WINDOW: Final = 3
"""Pictures a worker has at hand: it never waits, and memory does not grow with their number."""
LOOK_SECONDS: Final = 0.5
LOST_SECONDS: Final = 300
GONE: Final = "the scheduler is gone; look at its output, start it again, and run again to go on"


@contextmanager
def at_work(
    plugin: PictureWorker,
    run: RunConfig,
    tasks: Iterable[Task],
    count: int,
    stop: Stop,
    needs: int = 0,
) -> Iterator[Iterator[Outcome]]:
    """Start or join workers, and yield what `dispatch` yields; leaving ends what was started.

    Args:
        plugin: what the workers do.
        run: the section `run` of a config.
        tasks: for the workers.
        count: of the tasks.
        stop: when to stop.
        needs: bytes of memory that a task needs, where that is known.

    Raises:
        ConfigError: no scheduler answers, or it has no workers.
        LocpipeError: as `dispatch`.
    """
    with (
        open_client(run, count, needs) as client,
        closing(dispatch(client, plugin, tasks, stop)) as outcomes,
    ):
        yield outcomes


def dispatch(
    client: Client, plugin: PictureWorker, tasks: Iterable[Task], stop: Stop
) -> Generator[Outcome, None, None]:
    """Yield an outcome for every task, as they come; after a stop, only for what is in flight.

    A picture whose worker died is tried again alone at the end, for another one may have been
    the cause; only one that dies again alone is blamed.

    Raises:
        LocpipeError: a worker cannot be set up, results cannot be written, or no worker is left.
    """
    suspects: list[Task] = []
    name = plugin.job.name
    with _equipped(client, plugin):
        crew = _Crew(client)
        for task, outcome in _stream(crew, name, iter(tasks), stop, alone=False):
            ending = None if outcome else how_it_ended(plugin.job.output, task.key)
            if outcome is not None:
                yield outcome
            elif ending is not None and ending.is_timeout:
                yield _failed(plugin, task, ending)
            else:
                suspects.append(task)
        for task, outcome in _stream(crew, name, iter(suspects), stop, alone=True):
            yield outcome or _failed(plugin, task, how_it_ended(plugin.job.output, task.key))


@contextmanager
def _equipped(client: Client, plugin: PictureWorker) -> Iterator[None]:
    job = plugin.job
    try:
        client.register_plugin(plugin, name=job.name)
    except LocpipeError:
        raise
    except Exception as error:
        remote = f"is locpipe {job.version} installed there?"
        local = "if for want of memory, raise run.memory_limit or lower run.workers"
        msg = f"a worker cannot be set up ({error}); {remote if job.place == 'remote' else local}"
        raise LocpipeError(msg) from error
    try:
        yield
    finally:
        if job.place == "remote":
            with suppress(OSError, TimeoutError):  # the scheduler is gone, and the plugin with it
                client.unregister_worker_plugin(job.name)


class _Crew:
    """The workers that there are. They may come and go, so they are looked up now and then."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._size = 0
        self._looked = self._seen = time.monotonic()
        self._look()

    def size(self) -> int:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return self._size

    def _look(self) -> None:
        self._looked = time.monotonic()
        try:
            self._size = len(self.client.nthreads())
        except (OSError, TimeoutError) as error:
            raise LocpipeError(GONE) from error
        if self._size:
            self._seen = self._looked
        elif self._looked - self._seen > LOST_SECONDS:
            msg = f"no worker for {LOST_SECONDS} s; look at the output of the workers, run again"
            raise LocpipeError(msg)


def _stream(
    crew: _Crew, plugin: str, tasks: Iterator[Task], stop: Stop, *, alone: bool
) -> Iterator[tuple[Task, Outcome | None]]:
    """Keep a window of tasks in flight; None stands for one whose worker died."""
    in_flight: dict[Key, Task] = {}
    finished: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
    while True:
        width = min(crew.size(), 1) if alone else WINDOW * crew.size()
        wanted = 0 if stop.requested else width - len(in_flight)
        for task in islice(tasks, max(0, wanted)):
            future = crew.client.submit(work, plugin, task, pure=False)
            in_flight[future.key] = task
            future.add_done_callback(finished.put)
        if not in_flight and (wanted > 0 or stop.requested):
            return
        try:
            future = finished.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        yield in_flight.pop(future.key), _outcome(future)
        future.release()


def _outcome(future: Future[Outcome]) -> Outcome | None:
    if future.status == "finished":
        outcome = future.result()
        assert isinstance(outcome, Outcome)
        return outcome
    if future.status != "error":
        msg = f"the scheduler lost a picture ({future.status}); run again to go on"
        raise LocpipeError(msg)
    error = future.exception()
    if isinstance(error, KilledWorker):
        return None
    raise error


def _failed(plugin: PictureWorker, task: Task, ending: Ending | None) -> Outcome:
    """What became of a picture whose worker ended; None: nobody knows at which stage."""
    stage = "load" if ending is None else ending.stage
    if ending is not None and ending.is_timeout:
        message = plugin.too_slow.format(limit=plugin.job.timeout)
        return Outcome(task.key, "failed", failure=(stage, "TimeoutError", message))
    message = (
        "its worker died twice, the second time with no other picture at work: out of memory, or "
        f"a crash in native code; {plugin.too_large}"
    )
    return Outcome(task.key, "failed", failure=(stage, "WorkerDied", message))
