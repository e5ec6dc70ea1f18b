"""The lock of an output: one run at a time."""

from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from ...stages.errors import ExitCode, LocpipeError
from ..sources.results import STATE_FOLDER
from .atomic import check_inside, output_errors


class LockedError(LocpipeError):
    """Another run is at work in the same output."""

    exit_code = ExitCode.LOCKED


def locked(output: Path, *, patience: float = 0.0) -> AbstractContextManager[object]:
    """Hold the lock of an output, which is waited for so many seconds.

    Raises:
        LockedError: another run holds it.
        OutputError: the lock belongs to another user, or something in its folder is a link.
    """
    _check_state(output)
    with output_errors(output):
        try:
            return FileLock(output / STATE_FOLDER / "lock").acquire(timeout=patience)
        except Timeout as error:
            msg = (
                f"{output}: another run is at work here; wait for it, or choose another output.path"
            )
            raise LockedError(msg) from error


def is_locked(output: Path) -> bool:
    """Say whether a run is at work in an output."""
    try:
        with locked(output):
            return False
    except LockedError:
        return True


def _check_state(output: Path) -> None:
    """See that what a run writes in place, its lock and its state, is no link to another file."""
    folder = output / STATE_FOLDER
    check_inside(output, folder)
    with output_errors(output):
        for entry in folder.iterdir() if folder.is_dir() else ():
            check_inside(output, entry)
