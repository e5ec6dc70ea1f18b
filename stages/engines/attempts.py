"""What to compute a picture with if a graphics card has too little memory."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from .engine import DeviceMemoryError, InferEngine
from .limits import memory_now

_log = logging.getLogger(__name__)
_ON_CARDS = 2 * 2**30, 2**28, 2**25
"""Bytes that inference takes of a graphics card, which several workers share; less if that fails."""


def attempts(
    first: InferEngine, on_cpu: Callable[[], InferEngine]
) -> Iterator[tuple[InferEngine, int]]:
    """Yield what to compute with, and in how many bytes, until that is enough.

    Args:
        first: what is to be tried first.
        on_cpu: gives what computes if that has not enough memory.
    """
    if first.device != "cpu":
        yield from ((first, memory) for memory in _ON_CARDS)
        first = on_cpu()
    yield first, memory_now()


@contextmanager
def another_follows() -> Iterator[None]:
    """Leave the block quietly if a card has too little memory in it; that is said once."""
    try:
        yield
    except DeviceMemoryError:
        _tell_once()


@cache
def _tell_once() -> None:
    _log.warning(
        "infer.device: the graphics card has too little memory for a picture; it is shown smaller "
        "parts, and if these do not fit, the processor computes; use fewer run.workers, or "
        "infer.device=cpu"
    )
