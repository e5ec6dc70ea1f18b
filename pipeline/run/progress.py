"""The progress of a run: a bar on a terminal, otherwise a log line from time to time."""

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
"""Number of warnings that are remembered."""


class Progress:
    """Logs every picture, and shows a bar or, without one, a log line from time to time.

    Args:
        total: number of pictures.
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
        """Count one picture, unless it is put off because memory lacks: it will come again."""
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
        """Log a warning of a worker; the same words are logged once."""
        if warning not in self._said:
            log.warning("%s", warning, extra={"picture": picture})
        if len(self._said) < MOST_SAID:
            self._said.add(warning)


def _rate(pictures: float) -> str:
    """Return pictures per second in words; below 0.1, pictures per minute."""
    return f"{pictures:.1f} pictures/s" if pictures >= 0.05 else f"{60 * pictures:.1f} pictures/min"
