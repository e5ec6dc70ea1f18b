"""The list of failures of a run, one line of JSON per picture: its only writer and reader."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from ..storage.objects import bytes_at
from ..storage.urls import RemotePath
from .atomic import write_lines

FAILURES: Final = "failures.jsonl"
"""Failures of `locpipe run`, in its output."""
READ_FAILURES: Final = "read-failures.jsonl"
"""Failures of `locpipe read`, in the output of the run."""


@dataclass(frozen=True)
class PageFailure:
    """Why one page of several, counted from 1, has no result."""

    page: int
    stage: str
    error: str
    message: str


@dataclass(frozen=True)
class Failure:
    """Why a picture has no result: the failed stage, the class of the error and its message.

    `path` is the key of the picture; for `locpipe read`, the name of the page. `page` is the page
    that failed if others have results; None: the whole file failed. `attempts` counts the runs that
    failed on the unchanged picture.
    """

    path: str
    page: int | None = field(default=None, kw_only=True)
    stage: str
    error: str
    message: str
    attempts: int


def write_failures(output: Path, name: str, failures: Iterable[Failure]) -> None:
    """Write the failures of a run, sorted by path, to the file FAILURES or READ_FAILURES.

    Raises:
        OutputError: the output cannot be written.
    """
    write_lines(output, output / name, (json.dumps(asdict(each)) + "\n" for each in failures))


def read_failures(file: Path) -> Iterator[Failure]:
    """Yield the failures in a file, sorted by path.

    Raises:
        OSError: the file cannot be read.
        ValueError, TypeError: a line of the file is damaged.
    """
    with _opened(file) as lines:
        for line in lines:
            yield Failure(**json.loads(line))


def _opened(file: Path) -> IO[str]:
    """Open a file of lines, or an object in a bucket, which is read at once."""
    if isinstance(file, RemotePath):
        return io.StringIO(bytes_at(file).decode("ascii"))
    return file.open(encoding="ascii")
