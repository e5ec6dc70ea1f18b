"""Files: paths as users write them, hashes of files, and the folder of the shipped data."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).resolve().parents[1] / "data"
"""The folder of the models and samples that ship with locpipe."""


def expanded(path: str | Path) -> Path:
    """Return a path with ~ replaced by the home. If ~x is no user, it stays, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where ~x is no user


_called: ContextVar[tuple[Path, str] | None] = ContextVar("called", default=None)


@contextmanager
def called(file: Path, name: str) -> Iterator[None]:
    """Give a file another name in messages, such as a URL, until the end of the block."""
    token = _called.set((file, name))
    try:
        yield
    finally:
        _called.reset(token)


def name_of(file: Path) -> str:
    """Return the name of a file in messages, in quotes: its path, or the name from `called`."""
    known = _called.get()
    return repr(known[1] if known is not None and known[0] == file else str(file))


def sha256_of(file: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
