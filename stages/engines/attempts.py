"""The next engine to try if a graphics card has too little memory."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from .engine import DeviceMemoryError, InferEngine
from .limits import memory_now

_log = logging.getLogger(__name__)
_ON_CARDS = 2 * 2**30, 2**28, 2**25
"""Bytes that inference takes on a card, which several workers share; less if that fails."""


def attempts(
    first: InferEngine, on_cpu: Callable[[], InferEngine]
) -> Iterator[tuple[InferEngine, int]]:
    """Yield engines and how many bytes each may take, until one succeeds.

    Args:
        first: the engine that is tried first.
        on_cpu: opens the engine that computes if `first` has too little memory.
    """
    if first.device != "cpu":
        yield from ((first, memory) for memory in _ON_CARDS)
        first = on_cpu()
    yield first, memory_now()


@contextmanager
def another_follows() -> Iterator[None]:
    """Leave the block quietly if a card has too little memory. The first time, it is logged."""
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
