"""Ends a worker process that a picture keeps busy for too long, and tells at which stage it was.

`faulthandler` waits in a thread that needs no interpreter lock, so even native code that never
returns is ended. While a worker has a picture at work there is a file with the stages so far, to
which the time limit adds the stack. From what is left of it the parent knows what happened. A worker
that is handed such a picture leaves it alone: it has cost a worker already.
"""

import faulthandler
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..output.atomic import FULL, output_errors, temporary_folder

TIMEOUT: Final = "Timeout ("
"""How `faulthandler` begins."""
FIRST_STAGE: Final = "load"


@dataclass(frozen=True)
class Ending:
    """What a worker that ended has left of a picture.

    Attributes:
        stage: at work when it ended.
        is_timeout: whether the time limit ended it.
    """

    stage: str
    is_timeout: bool


@contextmanager
def time_limit(seconds: float, output: Path, key: str) -> Iterator[Callable[[str], None]]:
    """End this process when the block takes longer.

    Yields:
        A function to call with the name of each stage as it begins.

    Raises:
        OutputError: the disk is full or read-only.
    """
    file = running_file(output, key)
    with output_errors(output, FULL):
        stream = file.open("wb", buffering=0)

    def note(stage: str) -> None:
        with output_errors(output, FULL):
            stream.write(f"{stage}\n".encode())

    with stream:
        faulthandler.dump_traceback_later(seconds, exit=True, file=stream)
        try:
            yield note
        finally:
            faulthandler.cancel_dump_traceback_later()
            file.unlink(missing_ok=True)


def was_begun(output: Path, key: str) -> bool:
    """Whether a worker began a picture and came to no end with it."""
    return running_file(output, key).exists()


def how_it_ended(output: Path, key: str) -> Ending | None:
    """Read, and remove, what a worker left of a picture; None when it left nothing."""
    file = running_file(output, key)
    try:
        text = file.read_text(errors="replace")
        file.unlink()
    except OSError:
        return None
    stages, timeout, _ = text.partition(TIMEOUT)
    return Ending([FIRST_STAGE, *stages.split()][-1], is_timeout=bool(timeout))


def running_file(output: Path, key: str) -> Path:
    """The file that is there, and open, while a worker has a picture at work."""
    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    return temporary_folder(output) / f"running-{name}"
