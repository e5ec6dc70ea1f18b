"""Files: paths as users write them, the hash of a file, and where the data that ships lies."""

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
    """Return a path with the home for its ~; where ~x is no user it is a name, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where ~x is no user


_called: ContextVar[tuple[Path, str] | None] = ContextVar("called", default=None)


@contextmanager
def called(file: Path, name: str) -> Iterator[None]:
    """Have messages call a file by another name until the end of the block, such as a URL."""
    token = _called.set((file, name))
    try:
        yield
    finally:
        _called.reset(token)


def name_of(file: Path) -> str:
    """Return how messages call a file, in quotes: by its path, or as `called` says."""
    known = _called.get()
    return repr(known[1] if known is not None and known[0] == file else str(file))


def sha256_of(file: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
