"""The progress of a long step: a bar on a terminal, elsewhere a log line from time to time."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from tqdm import tqdm

from ...stages.clock import lasting

log = logging.getLogger(__name__)

FIRST_LINE: Final = 5.0
"""Seconds until the first line; each of the next ones takes twice as long, up to `LONGEST`."""
LONGEST: Final = 300.0
T = TypeVar("T")


def watched(
    items: Iterable[T], doing: str, total: int, unit: str = "pictures", *, done: int = 0
) -> Iterator[T]:
    """Yield the items, and show the progress.

    Args:
        items: the items to work on.
        doing: name of the work, such as "weighing".
        total: number of items, including those done before.
        unit: name of the items.
        done: number of items done before.
    """
    started = time.monotonic()
    due, pause = started + FIRST_LINE, FIRST_LINE
    with tqdm(None, doing, total, initial=done, disable=None, leave=False, unit=f" {unit}") as bar:
        for count, item in enumerate(items, start=1):
            yield item
            bar.update()
            now = time.monotonic()
            if bar.disable and now >= due:
                left = (now - started) / count * (total - done - count)
                log.info(
                    "%s: %d of %d %s, %s left", doing, done + count, total, unit, lasting(left)
                )
                pause = min(2 * pause, LONGEST)
                due = now + pause
