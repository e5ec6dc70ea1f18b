"""Orderly stop: the first signal asks, the second one ends the process."""

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
        signal: number of the first signal; None before.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def requested(self) -> bool:
        """Whether no new work may be started."""
        return self.signal is not None

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Handle signals until the end of the block; outside the main thread, do nothing."""
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
    """Yield a function that tells the workers of an output about a stop.

    It writes a file, since workers may be on other machines. Workers leave a file of several pages
    at the next page; finished pages are kept for the next run.
    """
    file = _asked(output)

    def tell() -> None:
        if stop.requested:
            with suppress(OSError):  # on a full disk, the run waits for the whole file
                file.touch()

    try:
        yield tell
    finally:
        with suppress(OSError):
            file.unlink()


def leave_if_asked(output: Path) -> None:
    """Check that the run goes on; called in workers.

    Raises:
        StoppedError: the run is stopping.
    """
    if _asked(output).exists():
        raise StoppedError


def _asked(output: Path) -> Path:
    return temporary_folder(output) / "stop"


@contextmanager
def no_signals() -> Iterator[None]:
    """Start processes and threads in the block so that they never see our signals.

    The terminal's Ctrl-C and systemd's stop reach the whole group, but only the parent decides.
    They inherit the mask of signals. Signals to us are delivered after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Otherwise the first spawn would start it, and it would lift the mask of that thread.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
