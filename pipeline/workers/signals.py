"""Stopping in good order: the first signal asks, the second one insists."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import Final, Self

from ...stages.errors import ExitCode

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Knows whether we were asked to stop.

    Attributes:
        signal: number of the first signal that came; None before.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def requested(self) -> bool:
        """Whether no new work shall be started."""
        return self.signal is not None

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Take signals until the end of the block; only the main thread can, others do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            os._exit(
                ExitCode.of_signal(number)
            )  # our workers end with us, their results are whole or absent
        self.signal = number


@contextmanager
def no_signals() -> Iterator[None]:
    """Keep the processes and threads that are started inside from ever seeing our signals.

    The terminal's Ctrl-C and systemd's stop reach the whole group, but only the parent decides.
    Started inside, they inherit the mask; for us, what came meanwhile is delivered afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started by the first spawn otherwise, it would lift the mask of the thread that spawns.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
