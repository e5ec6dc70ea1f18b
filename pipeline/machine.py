"""What the machine gives us, and how a process uses memory."""

import ctypes
import os
import sys
from contextlib import suppress
from typing import Final

from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT

__all__ = ["CORES", "MEMORY", "peak_memory", "reuse_freed_memory"]

CORES: Final[int] = CPU_COUNT
"""Cores given to us: the least of what the machine has, our affinity, and our cgroup's quota."""

MEMORY: Final[int] = MEMORY_LIMIT
"""Bytes given to us: the least of what the machine has, our cgroup's, and our process's limit."""

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3

OWN_MAPPING: Final = 64 * 2**20
"""Blocks from this many bytes on have a mapping of their own. `text` on 194 photographs of many sizes:
with 1 MiB a third of the time goes into page faults, at a peak of 513 MB; with 64 MiB there are
hardly any, at 628 MB; without a limit the peak is 711 MB. `text-lenet`: 502 and 592 MB."""


def reuse_freed_memory() -> None:
    """Make glibc keep freed blocks for the next picture, but for the largest; elsewhere do nothing.

    Every picture has another size, and glibc by default raises its threshold for own mappings as
    blocks are freed; the heap then fragments and grows from picture to picture.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no mallopt
            libc = ctypes.CDLL("libc.so.6")
            # Older glibc, such as 2.31, refuses more than half of that, and stays at 128 KiB.
            for least in (OWN_MAPPING // 2, OWN_MAPPING):
                libc.mallopt(M_MMAP_THRESHOLD, least)
            libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes; 0 where that is not known."""
    if os.name == "nt":
        return 0
    import resource  # noqa: PLC0415 - not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
