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
    """What inference needed where it could not keep to its memory.

    Attributes:
        memory: the least that works for every picture, in bytes; 0: it could keep to it.
    """

    memory: int = 0


_needed: ContextVar[Needed | None] = ContextVar("needed", default=None)


def threads_now() -> int:
    """Return how many threads an engine is to compute with."""
    return _threads.get()


def memory_now() -> int:
    """Return how many bytes inference is to keep to, where it can."""
    return _memory.get()


def note_need(memory: int) -> None:
    """Note that inference needs so many bytes at least."""
    needed = _needed.get()
    if needed is not None and memory > memory_now():
        needed.memory = max(needed.memory, memory)


@contextmanager
def computing_with(threads: int, memory: int = MEMORY) -> Iterator[Needed]:
    """Compute with so many threads of an engine and one of OpenCV, and leave them as they were.

    `memory` is in bytes, for `memory_now`. What is yielded says whether it was enough. The number of threads decides how sums are divided, and so their last bits. Enter this in the thread that
    computes, after the engine is opened: OpenMP keeps the number per thread.
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
