"""One run at a time in one output."""

from pathlib import Path

import pytest
from filelock import FileLock

from locpipe.pipeline.output.lock import LockedError, locked
from locpipe.stages.errors import OutputError


def test_an_output_is_locked_once_and_free_afterwards(output: Path) -> None:
    with locked(output), pytest.raises(LockedError, match=r"another run is at work here; wait"):
        locked(output)
    with locked(output):
        pass


def test_a_lock_of_another_process_is_seen(output: Path) -> None:
    with FileLock(output / ".locpipe" / "lock"), pytest.raises(LockedError):
        locked(output)


def test_a_lock_that_cannot_be_taken_is_told(output: Path) -> None:
    (output / ".locpipe" / "lock").mkdir()
    with pytest.raises(OutputError, match=r"output.path: .*out cannot be written"):
        locked(output)
