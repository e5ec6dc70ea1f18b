"""Ends a worker process that a picture keeps busy for too long, and tells at which stage it was.

`faulthandler` waits in a thread that needs no interpreter lock, so even native code that never
returns is ended. While a worker has a picture at work, a file holds the pages and stages so far.
The time limit adds the stack to it. The parent reads there what happened.
A worker that gets such a picture again does not process it: it has cost a worker already. The file
is locked as long as its worker lives, so a slow worker differs from a dead one.
"""

import faulthandler
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ..output.atomic import FULL, output_errors, temporary_folder

if sys.platform != "win32":
    import fcntl

TIMEOUT: Final = "Timeout ("
"""First words of a report of `faulthandler`."""
FIRST_STAGE: Final = "load"
PAGE: Final = "page-"
"""Prefix of pages; no name of a stage contains it."""
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Ending:
    """The notes that a dead worker has left about a picture.

    Attributes:
        stage: the stage when it ended.
        is_timeout: whether the time limit ended it.
        page: the page of several when it ended; None: it was between pages.
    """

    stage: str
    is_timeout: bool
    page: int | None = None


@dataclass(frozen=True)
class TimeLimit:
    """The time limit of this process for a page. It learns of each stage and page at its begin."""

    seconds: float
    output: Path
    stream: BinaryIO

    def begin_stage(self, stage: str) -> None:
        """Note the stage; errors are those of `time_limit`."""
        with output_errors(self.output, FULL):
            self.stream.write(f"{stage}\n".encode())

    def begin_page(self, page: int) -> None:
        """Note the page, and start the time again; errors are those of `time_limit`."""
        self.begin_stage(f"{PAGE}{page}")
        self.restart()

    def go_on(self, stage: str) -> None:
        """Note progress of a stage, and start the time again; errors are those of `time_limit`."""
        self.begin_stage(stage)
        self.restart()

    def restart(self, times: float = 1) -> None:
        """Start the time again, with a limit `times` as long."""
        faulthandler.dump_traceback_later(times * self.seconds, exit=True, file=self.stream)


@contextmanager
def time_limit(seconds: float, output: Path, key: str) -> Iterator[TimeLimit]:
    """End this process when the block, or a page of it, takes longer.

    Raises:
        OutputError: the disk is full or read-only.
    """
    file = running_file(output, key)
    with output_errors(output, FULL):
        stream = file.open("wb", buffering=0)

    with stream:
        _is_free(stream)  # this takes the lock
        limit = TimeLimit(seconds, output, stream)
        limit.restart()
        try:
            yield limit
        finally:
            faulthandler.cancel_dump_traceback_later()
            file.unlink(missing_ok=True)


def was_begun(output: Path, key: str, seconds: float) -> bool:
    """Say whether a worker began a picture and died before its end.

    A worker that still has the picture is waited for, as long as it begins a stage or page within
    `seconds`. Two workers have it after a network was cut and the picture was handed out again.
    """
    file = running_file(output, key)
    size, since = -1, time.monotonic()
    while file.exists():
        with suppress(OSError), file.open("rb+", buffering=0) as stream:  # the file may be gone now
            if _is_free(stream):
                return file.exists()
            if (now := os.fstat(stream.fileno()).st_size) != size:
                size, since = now, time.monotonic()
        if time.monotonic() - since > seconds:
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _is_free(stream: BinaryIO) -> bool:
    """Take the lock of a file; return False if another process has it."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def how_it_ended(output: Path, key: str) -> Ending | None:
    """Read and remove the notes of a worker about a picture; None: there are none."""
    file = running_file(output, key)
    try:
        text = file.read_text(errors="replace")
        file.unlink()
    except OSError:
        return None
    told, timeout, _ = text.partition(TIMEOUT)
    *before, stages = f"{FIRST_STAGE}\n{told}".split(PAGE)
    page, *begun = stages.split() if before else ("", *stages.split())
    stage = [FIRST_STAGE, *begun][-1]
    return Ending(stage, is_timeout=bool(timeout), page=int(page) if page else None)


def running_file(output: Path, key: str) -> Path:
    """Return the file that exists, and is open, while a worker has the picture."""
    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    return temporary_folder(output) / f"running-{name}"
