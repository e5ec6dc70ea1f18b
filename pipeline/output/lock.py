"""The lock of an output: one run at a time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ...stages.errors import ExitCode, LocpipeError
from ..sources.results import STATE_FOLDER
from ..storage.urls import RemotePath
from .atomic import check_inside, output_errors
from .bucket_lock import EXPIRY_SECONDS, HeldLock, is_held, machine_of
from .layout import prepare_output
from .workplace import workplace


class LockedError(LocpipeError):
    """Another run is using the same output."""

    exit_code = ExitCode.LOCKED


def locked(output: Path, *, patience: float = 0.0) -> AbstractContextManager[object]:
    """Hold the lock of an output; wait for it up to `patience` seconds.

    Raises:
        LockedError: another run holds it.
        OutputError: the lock belongs to another user, or something in its folder is a link.
        ConfigError: the bucket of the output does not exist, or may not be written.
    """
    if isinstance(output, RemotePath):
        return _in_bucket(output, patience)
    _check_state(output)
    with output_errors(output):
        try:
            return FileLock(output / STATE_FOLDER / "lock").acquire(timeout=patience)
        except Timeout as error:
            msg = (
                f"{output}: another run is at work here; wait for it, or choose another output.path"
            )
            raise LockedError(msg) from error


@contextmanager
def _in_bucket(output: RemotePath, patience: float) -> Iterator[HeldLock]:
    """Hold this machine's lock first: a bucket lock with this machine's name is of a dead run."""
    folder = workplace(output)
    prepare_output(folder)
    with locked(folder, patience=patience):
        lock = HeldLock(output, machine_of(folder / STATE_FOLDER))
        if not lock.take(patience):
            msg = (
                f"{output}: another run is at work here; wait for it, or choose another output.path "
                f"(the lock of a run that was killed elsewhere ends after {EXPIRY_SECONDS:.0f} s)"
            )
            raise LockedError(msg)
        try:
            yield lock
        finally:
            lock.release()


def is_locked(output: Path) -> bool:
    """Say whether a run is using an output."""
    if isinstance(output, RemotePath):
        return is_held(output)
    try:
        with locked(output):
            return False
    except LockedError:
        return True


def _check_state(output: Path) -> None:
    """Check that lock and state, which a run writes in place, are no links to other files."""
    folder = output / STATE_FOLDER
    check_inside(output, folder)
    with output_errors(output):
        for entry in folder.iterdir() if folder.is_dir() else ():
            check_inside(output, entry)
