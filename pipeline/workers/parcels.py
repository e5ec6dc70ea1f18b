"""Sends the results of a group to a bucket while the worker processes the next group."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from distributed import secede

from ...stages.errors import ImageError
from ..output.courier import Courier
from .messages import Outcome, Task

_AT_ONCE: Final = 8


class Parcels:
    """The results of a group of pictures that are not in the bucket yet.

    Args:
        courier: copies them to the bucket.
    """

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self._packed: dict[str, tuple[Task, int | None]] = {}

    def bring(self, task: Task) -> None:
        """Fetch the existing results of a picture; errors are those of `Courier.bring`."""
        if not task.force:
            self._courier.bring(task.there)

    def pack(self, task: Task, pages: int | None) -> None:
        """Note a picture and its number of pages; None: as many as have results."""
        self._packed[task.key] = task, pages

    def deliver(self, outcomes: Sequence[Outcome | None]) -> list[Outcome | None]:
        """Send the noted pictures, in a Dask task that lets the next one begin.

        Returns:
            The outcomes with the time of sending; those with impossible object names are failures.

        Raises:
            OutputError: the bucket cannot be written.
        """
        packed, self._packed = self._packed, {}
        if not packed:
            return list(outcomes)
        secede()

        def send(outcome: Outcome | None) -> Outcome | None:
            if outcome is None or outcome.key not in packed:
                return outcome
            task, pages = packed[outcome.key]
            began = time.perf_counter()
            try:
                self._courier.send(task.key, pages, task.there)
            except ImageError as error:
                failure = "send", type(error).__name__, str(error)
                return Outcome(task.key, "failed", failure=failure, worker=outcome.worker)
            took = {"send": time.perf_counter() - began} if outcome.seconds else {}
            return replace(outcome, seconds={**outcome.seconds, **took})

        with ThreadPoolExecutor(min(_AT_ONCE, len(packed))) as pool:
            return list(pool.map(send, outcomes))
