"""How many threads the libraries compute with."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute with so many threads of torch and one of OpenCV, and leave both as they were.

    The number decides how sums are divided, and so their last bits. Enter this in the thread that
    computes: OpenMP keeps the number per thread.
    """
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
