"""Stopping in good order: the first signal asks, the second one insists."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from types import FrameType
from typing import Final, Self

from ...stages.errors import ExitCode
from ..output.atomic import temporary_folder

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


class StoppedError(Exception):
    """A worker was asked to stop, and did so before the next page."""


@contextmanager
def asking_workers(output: Path, stop: Stop) -> Iterator[Callable[[], None]]:
    """Yield what tells the workers of an output of a stop, once there is one.

    It is a file, since workers may be on other machines. Files of several pages are left at the next
    page; the pages that are done are kept for the next run.
    """
    file = _asked(output)

    def tell() -> None:
        if stop.requested:
            with suppress(OSError):  # on a full disk; then the whole file is waited for
                file.touch()

    try:
        yield tell
    finally:
        with suppress(OSError):
            file.unlink()


def leave_if_asked(output: Path) -> None:
    """See that the run goes on; for workers.

    Raises:
        StoppedError: it does not.
    """
    if _asked(output).exists():
        raise StoppedError


def _asked(output: Path) -> Path:
    return temporary_folder(output) / "stop"


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
