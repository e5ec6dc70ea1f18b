"""Which stage is at work, and how long each took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Measures the stages of one file, and knows which one is at work.

    Args:
        on_stage: called with the name of each stage as it begins.
        on_page: called with the number of each page, from 1, as it begins.
        on_large: called with a factor: a page of this size may take so many times the usual time.
        on_progress: called with the name of a long stage each time it makes progress.

    Attributes:
        seconds: wall time of each stage, summed over the pages of the file.
        current: the stage at work. After an exception it names the stage that failed. A file starts
            with `load`.
    """

    def __init__(
        self,
        on_stage: Callable[[str], object] | None = None,
        on_page: Callable[[int], object] | None = None,
        on_large: Callable[[float], object] | None = None,
        on_progress: Callable[[str], object] | None = None,
    ) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.current = "load"
        self._on_stage, self._on_page = on_stage, on_page
        self._on_large, self._on_progress = on_large, on_progress

    def begin_page(self, page: int) -> None:
        """Tell that a page of a file with several pages begins."""
        if self._on_page is not None:
            self._on_page(page)

    def begin_large(self, times: float) -> None:
        """Tell that the page may take so many times the usual time."""
        if self._on_large is not None:
            self._on_large(times)

    def go_on(self) -> None:
        """Tell that the stage at work makes progress; its time limit starts again."""
        if self._on_progress is not None:
            self._on_progress(self.current)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block as one stage."""
        self.current = name
        if self._on_stage is not None:
            self._on_stage(name)
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started


def lasting(seconds: float) -> str:
    """Return how long something takes, for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
