"""Arrays too large for memory lie in unnamed files."""

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
"""Bytes of the largest array in memory: a picture of 89 megapixels."""
BAND: Final = 256
"""Rows that are processed at once if a picture lies in a file."""
_folder: ContextVar[Path | None] = ContextVar("scratch", default=None)


@contextmanager
def scratch_in(folder: Path) -> Iterator[None]:
    """Put files of large arrays into an existing folder, instead of the system's."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def unnamed_file() -> IO[bytes]:
    """Return an empty file that is deleted when it is closed, even if the process is killed.

    Raises:
        OSError: the file cannot be made.
    """
    return tempfile.TemporaryFile(dir=_folder.get())


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros in memory, or in a file without a name if it is too large.

    The file is deleted with the array, even if the process is killed.

    Raises:
        OSError: there is no room for the file.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY:
        return np.zeros(shape, dtype)
    with unnamed_file() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def lies_in_file(array: NDArray[Any]) -> bool:
    """Say whether an array, or the array that it views, lies in a file."""
    return _mapping(array) is not None


def forget(array: NDArray[Any]) -> None:
    """Free the memory of an array that lies in a file. The file keeps the values."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def return_freed_memory() -> None:
    """Make glibc return all free blocks to the system; with other C libraries do nothing."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def bands(rows: int) -> Iterator[slice]:
    """Yield slices of `BAND` rows from top to bottom."""
    for top in range(0, rows, BAND):
        yield slice(top, min(rows, top + BAND))


def _mapping(array: object) -> mmap.mmap | None:
    is_of_file = False  # other mappings are memory without a copy on disk
    while array is not None and not isinstance(array, mmap.mmap):
        is_of_file |= isinstance(array, np.memmap)
        array = getattr(array, "base", None)
    return array if is_of_file else None
