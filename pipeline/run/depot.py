"""Where a run keeps its results: on a disk, or in a bucket by way of this machine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ...stages.errors import LocpipeError
from ..output.atomic import output_errors
from ..output.bucket_lock import HeldLock
from ..output.courier import Courier
from ..output.layout import prepare_folders, results_of, sweep
from ..output.lock import LockedError
from ..output.parts import desk_of
from ..sources.results import FOLDERS
from ..storage.objects import brought, put, stamp_of
from ..storage.urls import RemotePath
from ..workers.messages import Job, Outcome
from .branches import branch
from .bucket_shards import BucketShardKeeper
from .listing import Listing
from .plan import Terms
from .shard_keeper import ShardKeeper
from .state import State, state_file

KEEP_SECONDS: Final = 60.0
"""Least seconds between two copies of the state to the bucket."""
_SHARE: Final = 20.0
"""The wait between copies is at least so many times as long as a copy takes."""


class Depot:
    """An output on a disk, whose lock is held.

    Args:
        job: the job of the run.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def prepare(self) -> None:
        """Remove unfinished files of a killed run, and make the folders.

        Raises:
            OutputError: the output cannot be written.
        """
        sweep(self._job.desk)
        prepare_folders(self._job.here.output)

    @contextmanager
    def state(self) -> Iterator[State]:
        """Open the state of the run.

        Raises:
            OutputError: it cannot be read or written.
        """
        job = self._job
        if job.part is not None:
            branch(self._state_of_all(), job.desk, job.part)
        keeper = self._keeper() if job.config.output.layout == "shards" else None
        with State(job.desk, job.output, keeper) as state:
            yield state

    def _state_of_all(self) -> Path:
        """Return the state of the whole output, which a new part starts from."""
        return state_file(self._job.output)

    def _keeper(self) -> ShardKeeper:
        job = self._job
        return ShardKeeper(job.output, job.part, job.config_sha256, job.model_sha256)

    def terms(self, terms: Terms) -> Terms:
        """Return the terms that decide whether a picture is done, for this place."""
        return terms

    def there(self, key: str) -> tuple[str, ...]:
        """Return the existing objects of a picture; on a disk, none: a worker looks itself."""
        del key
        return ()

    def took(self, outcome: Outcome) -> Iterable[Path]:
        """Return the files that must become durable before an outcome is noted."""
        return results_of(self._job.config.output, outcome.key, outcome.pages)

    def send(self, file: Path) -> None:
        """Publish a file of the run's desk, which was just written."""

    def keep(self, state: State, *, now: bool = False) -> None:
        """Publish the state from time to time."""


class BucketDepot(Depot):
    """An output in a bucket, whose lock is held. Unfinished files lie in a local folder.

    The state lies there too, and is copied to the bucket from time to time. If the copy in the
    bucket is not from this machine, another machine has worked since, and its copy is used. Results
    that no state knows are listed, and the workers recognise them by their hashes.

    Args:
        job: of the run.
        lock: the held lock.
    """

    def __init__(self, job: Job, output: RemotePath, lock: HeldLock) -> None:
        super().__init__(job)
        self._output, self._desk = output, RemotePath(desk_of(output, job.part))
        self._lock = lock
        self._courier = Courier(output, job.output)
        self._listing: Listing | None = None
        self._due = 0.0
        self._is_changed = False

    def prepare(self) -> None:
        """Remove files that a killed run left on this machine, and make the folders."""
        for folder in FOLDERS:
            shutil.rmtree(self._job.output / folder, ignore_errors=True)
        super().prepare()

    @contextmanager
    def state(self) -> Iterator[State]:
        """Open the state of this machine or of the bucket, and list the existing results.

        Raises:
            OutputError: it cannot be read or written.
            ConfigError: the bucket cannot be listed.
        """
        self._bring_state()
        with self._listed() as self._listing:
            try:
                with super().state() as state:
                    yield state
            except BaseException:
                with suppress(LocpipeError):
                    self._send_state()
                raise
            self._send_state()

    def _listed(self) -> AbstractContextManager[Listing | None]:
        if self._job.config.output.layout == "shards":
            return nullcontext()
        return Listing(self._output, self._job.part)

    def terms(self, terms: Terms) -> Terms:
        """Return the terms: a picture is done if its results are in the listing."""
        return terms if self._listing is None else replace(terms, is_there=self._listing.has)

    def there(self, key: str) -> tuple[str, ...]:
        """Return the existing objects of a picture."""
        return () if self._listing is None else tuple(self._listing.of(key))

    def took(self, outcome: Outcome) -> Iterable[Path]:
        """Check that the lock is held, and remove old results of a failed picture.

        Raises:
            LockedError: the lock is lost.
            OutputError: the results may not be removed.
        """
        self._check_lock()
        self._is_changed = True
        if outcome.failure is not None:
            self._courier.remove(sorted(self.there(outcome.key)))
        return ()

    def send(self, file: Path) -> None:
        """Put a file of the desk.

        Raises:
            LockedError: the lock is not held any more.
            OutputError: the bucket cannot be written.
        """
        self._check_lock()
        put(self._desk / file.relative_to(self._job.desk), file)

    def keep(self, state: State, *, now: bool = False) -> None:
        """Put the state into the bucket from time to time, between two changes.

        Raises:
            LockedError: the lock is not held any more.
            OutputError: the bucket cannot be written.
        """
        if now or (time.monotonic() > self._due and state.is_settled):
            self._is_changed = True
            self._send_state()

    def _check_lock(self) -> None:
        if self._lock.is_lost:
            msg = (
                f"{self._output}: the bucket did not answer for so long that another run may have taken "
                "the lock; wait for that run, then run again"
            )
            raise LockedError(msg)

    def _send_state(self) -> None:
        if not self._is_changed:
            return
        self._check_lock()
        began = time.monotonic()
        stamp = put(self._object(), state_file(self._job.desk))
        self._stamp_file().write_text(repr(stamp))
        self._is_changed = False
        took = time.monotonic() - began
        self._due = time.monotonic() + max(KEEP_SECONDS, _SHARE * took)

    def _object(self) -> RemotePath:
        return RemotePath(state_file(self._desk))

    def _stamp_file(self) -> Path:
        return state_file(self._job.desk).with_suffix(".stamp")

    def _bring_state(self) -> None:
        file, stamped = state_file(self._job.desk), self._stamp_file()
        stamp = stamp_of(self._object())
        with output_errors(self._job.desk):
            if stamp is not None and stamped.exists() and stamped.read_text() == repr(stamp):
                return
            for each in (stamped, file, file.with_name(f"{file.name}-journal")):
                each.unlink(missing_ok=True)
            self._is_changed = stamp is None  # results found by listing are worth keeping
            if stamp is not None:
                stamped.write_text(repr(brought(self._object(), file)))

    def _state_of_all(self) -> Path:
        """Copy the state of the whole output, for a part that begins."""
        file = state_file(self._job.desk).with_name("whole.sqlite")
        with output_errors(self._job.desk):
            file.unlink(missing_ok=True)
            if not state_file(self._job.desk).exists():
                brought(RemotePath(state_file(self._output)), file)
        return file

    def _keeper(self) -> ShardKeeper:
        return BucketShardKeeper(self._job, self._output)


@contextmanager
def looked_at(job: Job) -> Iterator[tuple[Path, Callable[[Terms], Terms]]]:
    """Yield the state of a run that is only looked at, and the function for its terms.

    Raises:
        ConfigError: the bucket cannot be listed.
        OutputError: its state cannot be read.
    """
    if job.remote is None:
        yield job.desk, lambda terms: terms
        return
    with TemporaryDirectory() as folder, Listing(job.remote, job.part) as listing:
        state_file(Path(folder)).parent.mkdir()
        of_desk = RemotePath(state_file(desk_of(job.remote, job.part)))
        brought(of_desk, state_file(Path(folder)))
        yield Path(folder), lambda terms: replace(terms, is_there=listing.has)


def depot_of(job: Job, lock: object) -> Depot:
    """Return the depot of a run, whose lock is held."""
    if job.remote is None:
        return Depot(job)
    assert isinstance(lock, HeldLock)
    return BucketDepot(job, job.remote, lock)
