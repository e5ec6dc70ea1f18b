"""Arrays too large for memory, which lie in unnamed files instead."""

import ctypes
import mmap
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY: Final = 256 * 2**20
"""Bytes of the largest array that lies in memory: a picture of 89 megapixels."""
BAND: Final = 256
"""Rows that are worked on at once where a picture lies in a file."""
_folder: ContextVar[Path | None] = ContextVar("scratch", default=None)


@contextmanager
def scratch_in(folder: Path) -> Iterator[None]:
    """Have files of large arrays in a folder, which must exist; else they are in the system's own."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def unnamed_file() -> IO[bytes]:
    """Return an empty file that goes as it is closed, even if the process is killed.

    Raises:
        OSError: it cannot be made.
    """
    return tempfile.TemporaryFile(dir=_folder.get())


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros, in memory or, if that is too large, in a file without a name.

    The file goes when the array does, even if the process is killed.

    Raises:
        OSError: the file cannot be made as large.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY:
        return np.zeros(shape, dtype)
    with unnamed_file() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def lies_in_file(array: NDArray[Any]) -> bool:
    """Say whether an array, or what it is a view of, lies in a file."""
    return _mapping(array) is not None


def forget(array: NDArray[Any]) -> None:
    """Take an array that lies in a file out of memory; the file keeps what was written."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def return_freed_memory() -> None:
    """Make glibc hand back all blocks that are free; elsewhere do nothing."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def bands(rows: int) -> Iterator[slice]:
    """Yield so many rows from top to bottom, a few hundred at a time."""
    for top in range(0, rows, BAND):
        yield slice(top, min(rows, top + BAND))


def _mapping(array: object) -> mmap.mmap | None:
    is_of_file = False  # other mappings are memory, which has no second copy
    while array is not None and not isinstance(array, mmap.mmap):
        is_of_file |= isinstance(array, np.memmap)
        array = getattr(array, "base", None)
    return array if is_of_file else None
