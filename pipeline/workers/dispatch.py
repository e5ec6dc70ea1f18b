"""Gives pictures to workers, a few at a time, and collects the outcome of each."""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from dask.typing import Key
from dask.utils import key_split
from distributed import CancelledError, Client, Future, KilledWorker
from distributed.comm.core import CommClosedError

from ...stages.errors import ConfigError, LocpipeError
from ..config.sections import RunConfig
from ..output.failures import PageFailure
from .cluster import GONE_SECONDS, open_client
from .messages import Outcome, Place, Task
from .signals import Stop, asking_workers
from .time_limit import Ending, how_it_ended
from .worker import AnyJob, PictureWorker, work

WINDOW: Final = 3
"""Groups of pictures per worker: it never waits, and memory does not grow with the pictures."""
MOST_GROUPED: Final = 100
"""Most pictures in a group. If their worker dies, each is tried again alone."""
TASK_SECONDS: Final[dict[Place, float]] = {"inside": 0.3, "local": 0.3, "remote": 10.0}
"""Default seconds of a group. A scheduler of many workers has one task per group."""
_NEWEST, _QUICKEST = 0.2, 0.001  # share of the newest picture in the average; seconds
LOOK_SECONDS: Final = 0.5
WORKERS_SECONDS: Final = 60
LOST_SECONDS: Final = 300
AGAIN_SECONDS: Final = 0.05
MOST_LOST: Final = 5
"""How often the connection may break while a picture is in flight, or a worker may die before."""
MOST_NAMES: Final = 1000
"""Names of tasks that Dask may remember. It would keep 100,000, or 30 MB, and no name comes twice."""
UNANSWERED: Final = (OSError, TimeoutError, RuntimeError)
"""Errors of a client without a scheduler; the last one comes when it gives up."""
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
    """Start or join workers, and yield the iterator of `dispatch`; stop them after the block.

    Args:
        plugin: what the workers do.
        run: the section `run` of a config.
        tasks: for the workers.
        count: number of tasks.
        stop: when to stop.
        needs: bytes of memory that a task needs, if known.

    Raises:
        ConfigError: no scheduler answers, or it has no workers.
        LocpipeError: as `dispatch`.
    """
    with (
        open_client(run, count, needs) as client,
        closing(dispatch(client, plugin, tasks, stop, run.task_seconds)) as outcomes,
    ):
        yield outcomes


def dispatch(
    client: Client,
    plugin: PictureWorker,
    tasks: Iterable[Task],
    stop: Stop,
    task_seconds: float | None = None,
) -> Generator[Outcome, None, None]:
    """Yield an outcome for every task, as they come; after a stop, only for what is in flight.

    After a stop, files of several pages end at the next page, and have no outcome.

    A picture whose worker died is tried again alone at the end: another picture may have been the
    cause. It fails only if its worker dies again, after it has begun the picture. In a file with
    several pages only that page fails, and the file goes on without it.

    Args:
        client: client of the scheduler.
        plugin: the work of the workers.
        tasks: the tasks.
        stop: says when to stop.
        task_seconds: how long a group of pictures should take.

    Raises:
        ConfigError: no worker comes.
        LocpipeError: a worker cannot be set up, results cannot be written, or no worker is left.
    """
    suspects: list[Task] = []
    shortened: list[Task] = []
    not_begun = Counter[str]()
    with _equipped(client, plugin), asking_workers(plugin.job.desk, stop) as tell_of_stop:
        crew = _Crew(client)
        waiting, alone = iter(tasks), False
        pace = _Pace(task_seconds or TASK_SECONDS[plugin.job.place])
        while True:
            stream = _Stream(crew, plugin.job, waiting, stop, pace)
            for task, outcome in stream.run(tell_of_stop, alone=alone):
                ending = None if outcome else how_it_ended(plugin.job.desk, task.key)
                if outcome is not None:
                    if outcome.status != "stopped":
                        yield outcome
                elif ending is None and not_begun[task.key] < MOST_LOST:
                    not_begun[task.key] += alone
                    suspects.append(task)
                elif ending is not None and not (alone or ending.is_timeout):
                    suspects.append(_again(task, ending))
                elif ending is not None and ending.page is not None:
                    failure = PageFailure(ending.page, *_blame(plugin, ending))
                    shortened.append(_again(task, ending, failure))
                else:
                    yield Outcome(task.key, "failed", failure=_blame(plugin, ending))
            if stop.requested or not (suspects or shortened):
                return
            alone = not shortened
            waiting = iter(shortened or suspects)
            shortened, suspects = [], suspects if shortened else []


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
        if job.place == "remote" and client.status == "running":
            with suppress(*UNANSWERED):  # the scheduler is gone, and the plugin with it
                client.unregister_worker_plugin(job.name)


class _Crew:
    """The present workers. They may come and go, so they are looked up from time to time."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._size = 0
        self._has_come = False
        self._looked = self._seen = self._answered = time.monotonic()
        self._look()

    def size(self) -> int:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return self._size

    def _look(self) -> None:
        self._looked = time.monotonic()
        try:
            self._size = len(self.client.nthreads())
        except UNANSWERED as error:
            if time.monotonic() - self._answered > GONE_SECONDS or self.client.status == "closed":
                raise LocpipeError(GONE) from error
            return
        self._answered = self._looked
        if self._size:
            self._seen, self._has_come = self._looked, True
        elif not self._has_come and self._looked - self._seen > WORKERS_SECONDS:
            address = self.client.scheduler_info()["address"]
            msg = (
                f"run.scheduler: {address} has no workers; start `dask worker {address} --nthreads 1` "
                "on every machine"
            )
            raise ConfigError(msg)
        elif self._looked - self._seen > LOST_SECONDS:
            msg = f"no worker for {LOST_SECONDS} s; look at the output of the workers, run again"
            raise LocpipeError(msg)


class _Pace:
    """Estimates from the last pictures how many take a given time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._average = seconds

    def add(self, outcome: Outcome) -> None:
        taken = sum(outcome.seconds.values())
        self._average += _NEWEST * (max(taken, _QUICKEST) - self._average)

    def size(self) -> int:
        return max(1, min(MOST_GROUPED, int(self._seconds / self._average)))


class _Stream:
    """Keeps a window of groups of tasks in flight.

    Args:
        crew: the workers.
        job: job of the plugin.
        tasks: the tasks.
        stop: when to stop.
        pace: gives the size of a group.
    """

    def __init__(
        self, crew: _Crew, job: AnyJob, tasks: Iterator[Task], stop: Stop, pace: _Pace
    ) -> None:
        self._crew, self._job, self._tasks, self._stop, self._pace = crew, job, tasks, stop, pace
        self._in_flight: dict[Key, list[Task]] = {}
        self._finished: queue.SimpleQueue[Future[list[Outcome | None]]] = queue.SimpleQueue()
        self._again: deque[Task] = deque()
        self._lost: Counter[str] = Counter()

    def run(
        self, tell_of_stop: Callable[[], None], *, alone: bool
    ) -> Iterator[tuple[Task, Outcome | None]]:
        """Yield each task and its outcome; None: its worker died."""
        upcoming = self._next(alone=alone)
        while self._in_flight or (upcoming and not self._stop.requested):
            tell_of_stop()
            # Where there are no workers, an adaptive cluster starts some when there is work.
            width = 1 if alone else WINDOW * max(1, self._crew.size())
            while upcoming and not self._stop.requested and len(self._in_flight) < width:
                self._submit(upcoming)
                upcoming = self._next(alone=alone)
            try:
                future = self._finished.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                self._crew.size()  # raises an error if no worker is left
                continue
            if future.status in {"lost", "pending"}:
                # The worker that had the result is gone, and the scheduler has it done again.
                time.sleep(AGAIN_SECONDS)
                self._crew.size()
                self._finished.put(future)
                continue
            group = self._in_flight.pop(future.key)
            try:
                outcomes = _outcomes(future, self._job) or [None] * len(group)
            except (CommClosedError, CancelledError) as error:
                for task in group:
                    self._hand_out_again(task, error)
                upcoming = upcoming or self._next(alone=alone)
                continue
            future.release()  # a worker that holds a result is kept by an adaptive cluster
            for task, outcome in zip(group, outcomes, strict=True):
                if outcome:
                    self._pace.add(outcome)
                yield task, outcome

    def _next(self, *, alone: bool) -> list[Task]:
        size = 1 if alone else self._pace.size()
        again = [self._again.popleft() for _ in range(min(size, len(self._again)))]
        return again or list(islice(self._tasks, size))

    def _submit(self, group: list[Task]) -> None:
        if key_split.cache_info().currsize > MOST_NAMES:
            key_split.cache_clear()
        future = self._crew.client.submit(work, self._job.name, group, pure=False)
        self._in_flight[future.key] = group
        future.add_done_callback(self._finished.put)

    def _hand_out_again(self, task: Task, error: BaseException) -> None:
        """Hand out a task again that was lost with the connection to the scheduler."""
        self._lost[task.key] += 1
        if self._lost[task.key] > MOST_LOST:
            msg = f"the scheduler lost a picture ({error!r}); run again to go on"
            raise LocpipeError(msg) from error
        self._again.append(task)


def _outcomes(future: Future[list[Outcome | None]], job: AnyJob) -> list[Outcome | None] | None:
    """Return the outcomes of a group; None: its worker died."""
    if future.status == "finished":
        with suppress(
            KilledWorker
        ):  # the result was lost with its worker, and then another worker died
            outcomes = future.result()
            assert isinstance(outcomes, list)
            return outcomes
        return None
    if future.status != "error":  # cancelled
        raise CancelledError
    error = future.exception()
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, LocpipeError) or job.place != "remote":
        raise error
    msg = f"a worker cannot do its work ({error!r}); install locpipe {job.version} there"
    raise LocpipeError(msg) from error


def _again(task: Task, ending: Ending, *failed: PageFailure) -> Task:
    """Return the rest of a file whose worker ended; earlier pages are kept."""
    force = task.force and ending.page is None
    return replace(task, force=force, failed=(*task.failed, *failed))


def _blame(plugin: PictureWorker, ending: Ending | None) -> tuple[str, str, str]:
    """Return the failure of a picture whose worker ended; `ending` None: the stage is unknown."""
    stage = "load" if ending is None else ending.stage
    if ending is not None and ending.is_timeout:
        return stage, "TimeoutError", plugin.too_slow.format(limit=plugin.job.timeout)
    message = (
        "its worker died twice, the second time with no other picture at work: out of memory, or "
        f"a crash in native code; {plugin.remedy(stage)}"
    )
    return stage, "WorkerDied", message
