"""How many threads the libraries compute with, and how much memory inference takes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import cv2

from ..parts import MEMORY

_threads: ContextVar[int] = ContextVar("threads", default=1)
_memory: ContextVar[int] = ContextVar("memory", default=MEMORY)


@dataclass
class Needed:
    """Memory that inference needed beyond its limit.

    Attributes:
        memory: the least that works for every picture, in bytes; 0: inference kept to its limit.
    """

    memory: int = 0


_needed: ContextVar[Needed | None] = ContextVar("needed", default=None)


def threads_now() -> int:
    """Return the number of threads an engine must use."""
    return _threads.get()


def memory_now() -> int:
    """Return the bytes that inference may take, if it can keep to them."""
    return _memory.get()


def note_need(memory: int) -> None:
    """Note that inference needs so many bytes at least."""
    needed = _needed.get()
    if needed is not None and memory > memory_now():
        needed.memory = max(needed.memory, memory)


@contextmanager
def computing_with(threads: int, memory: int = MEMORY) -> Iterator[Needed]:
    """Set the engine to so many threads and OpenCV to one; reset them after the block.

    `memory` is the limit in bytes that `memory_now` returns. The yielded object says whether it was
    enough. The number of threads decides how sums are divided, and so their last bits. Enter the
    block after the engine is opened, in the thread that computes: OpenMP keeps the number per
    thread.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0, cv2.getNumThreads()
    needed = Needed()
    tokens = _threads.set(threads), _memory.set(memory), _needed.set(needed)
    if torch:
        torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    try:
        yield needed
    finally:
        _threads.reset(tokens[0])
        _memory.reset(tokens[1])
        _needed.reset(tokens[2])
        if torch:
            torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
