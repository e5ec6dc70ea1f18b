"""How far a run is: a bar for people at a terminal, now and then a line for those who read a log."""

import logging
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Self

from tqdm import tqdm

from ...stages.clock import lasting
from ..workers.messages import Outcome

log = logging.getLogger(__name__)

LINE_SECONDS: Final = 60
MOST_SAID: Final = 1000
"""Warnings that are remembered."""


class Progress:
    """Logs every picture, and shows a bar where that is wanted; where not, now and then a line.

    Args:
        total: pictures to come.
        shown: whether to draw the bar.
    """

    def __init__(self, total: int, *, shown: bool) -> None:
        self._bar = tqdm(total=total, unit=" pictures", disable=not shown, smoothing=0)
        self._started = self._told = time.monotonic()
        self._total = total
        self._done = self._pixels = self._failed = 0
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._bar.close()

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Count pictures as they pass."""
        for outcome in outcomes:
            self.add(outcome)
            yield outcome

    def add(self, outcome: Outcome) -> None:
        """Count one picture; one that is put off for want of memory comes again."""
        if outcome.needs:
            return
        fields = {"picture": outcome.key, "status": outcome.status, "boxes": outcome.boxes}
        for warning in outcome.warnings:
            self._warn(warning, outcome.key)
        if outcome.status != "failed":
            log.debug("%r: %s, %d boxes", outcome.key, outcome.status, outcome.boxes, extra=fields)
        if outcome.failure is not None:
            stage, error, message = outcome.failure
            fields |= {"stage": stage, "error": error}
            log.warning("failed: %r: %s", outcome.key, message, extra=fields)
        for page in outcome.failed_pages:
            of_page = fields | {"page": page.page, "stage": page.stage, "error": page.error}
            log.warning(
                "failed: %r, page %d: %s", outcome.key, page.page, page.message, extra=of_page
            )
        self._pixels += outcome.pixels
        self._failed += outcome.status == "failed"
        self._done += 1
        now = time.monotonic()
        seconds = max(now - self._started, 1e-9)
        state = f"{self._pixels / 1e6 / seconds:.1f} MP/s, {self._failed} failed"
        self._bar.set_postfix_str(state, refresh=False)
        self._bar.update()
        if self._bar.disable and now - self._told >= LINE_SECONDS:
            self._told = now
            left = lasting(seconds / self._done * (self._total - self._done))
            rate = _rate(self._done / seconds)
            log.info(
                "%d of %d pictures, %s, %s, %s left", self._done, self._total, rate, state, left
            )

    def _warn(self, warning: str, picture: str) -> None:
        """Tell what a worker said, and once only what several said in the same words."""
        if warning not in self._said:
            log.warning("%s", warning, extra={"picture": picture})
        if len(self._said) < MOST_SAID:
            self._said.add(warning)


def _rate(pictures: float) -> str:
    """Pictures per second in words; of less than a tenth of one, those per minute."""
    return f"{pictures:.1f} pictures/s" if pictures >= 0.05 else f"{60 * pictures:.1f} pictures/min"
