"""The cores and memory that we may use, and the memory of a process."""

import ctypes
import multiprocessing
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
from dask.system import CPU_COUNT

from ...stages import scratch

if sys.platform != "win32":
    import resource

CORES: Final[int] = CPU_COUNT
"""Cores that we may use: the least of the machine's, our affinity, and our cgroup's quota."""


def _memory() -> int:
    """As `distributed.system` counts it, which takes half a second to import."""
    limits = [psutil.virtual_memory().total]
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max": there is no limit
            limits.append(int(Path("/sys/fs/cgroup", file).read_text()))
    if sys.platform != "win32":
        limits.append(resource.getrlimit(resource.RLIMIT_RSS)[0])
    return min(limit for limit in limits if limit > 0)


MEMORY: Final[int] = _memory()
"""Bytes that we may use: the least of the machine's, our cgroup's and our process's limit."""

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3

OWN_MAPPING: Final = 64 * 2**20
"""Blocks from this many bytes on have a mapping of their own. `text` on 194 photographs of many sizes:
with 1 MiB a third of the time goes into page faults, at a peak of 513 MB; with 64 MiB there are
hardly any, at 628 MB; without a limit the peak is 711 MB. `text-lenet`: 502 and 592 MB."""

KEPT: Final = 192 * 2**20
"""Bytes that a process may grow by before it hands back what is free. Free blocks fit the next size
badly, so what is kept grows with the pictures. With this a worker stays at 290 MiB on mixed pictures
(`benchmarks/soak.py`). With 64 MiB it hands back after nearly each, in a fifth more time."""


def why_no_processes() -> str | None:
    """Say why no worker processes can be started here, and how to mend it; None if they can."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (ImportError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        return (
            f"processes need shared semaphores, and there are none ({reason}); "
            "mount a writable tmpfs at /dev/shm, or set run.workers=0 (--workers 0)"
        )
    return None


def reuse_freed_memory() -> None:
    """Make glibc keep freed blocks for the next picture, but for the largest; elsewhere do nothing.

    Every picture has another size, and glibc by default raises its threshold for own mappings as
    blocks are freed; the heap then fragments and grows from picture to picture.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no mallopt
            libc = ctypes.CDLL("libc.so.6")
            # Where glibc refuses so much it stays at 128 KiB; half of that is what mallopt(3) allows.
            for least in (OWN_MAPPING // 2, OWN_MAPPING):
                libc.mallopt(M_MMAP_THRESHOLD, least)
            libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def seconds_of_work(process: int) -> float:
    """Return the CPU seconds of a process, given its id; 0 if it has ended."""
    with suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return float(times.user + times.system)
    return 0.0


def return_freed_memory(most: int) -> None:
    """Make glibc return all free memory if more than `most` bytes of this process are resident."""
    if resident_memory() > most:
        scratch.return_freed_memory()


def resident_memory() -> int:
    """Resident size of this process, in bytes; 0 where that is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as fields:  # noqa: PTH123 - hot
            return int(fields.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes; 0 where that is not known."""
    if sys.platform == "win32":
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
