"""How many threads the libraries compute with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import cv2

_threads: ContextVar[int] = ContextVar("threads", default=1)


def threads_now() -> int:
    """Return how many threads an engine is to compute with."""
    return _threads.get()


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute with so many threads of an engine and one of OpenCV, and leave them as they were.

    The number decides how sums are divided, and so their last bits. Enter this in the thread that
    computes, after the engine is opened: OpenMP keeps the number per thread.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0, cv2.getNumThreads()
    token = _threads.set(threads)
    if torch:
        torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        _threads.reset(token)
        if torch:
            torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
