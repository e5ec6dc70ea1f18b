"""Crops in batches: what a batch that is too slow costs."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.pipeline.ocr.batches import MOST, Batches
from locpipe.pipeline.ocr.engine import Seen


class Weary:
    """An engine that is too slow for a batch with a black crop."""

    version = language = "weary"
    padding, min_confidence, places_words = 0.0, 0.5, False

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        if not all(crop.any() for crop in crops):
            msg = f"took longer than {seconds} s"
            raise TimeoutError(msg)
        return [[Seen(str(crop.max()), 0.9, 0, crop.shape[1])] for crop in crops]


def crops(*black: int, count: int = 4 * MOST) -> list[NDArray[np.uint8]]:
    return [np.full((2, 3, 3), 0 if i in black else 1 + i % 200, np.uint8) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, MOST, 2 * MOST + 1])
def test_every_crop_is_read_in_its_place(count: int) -> None:
    begun: list[None] = []
    batches = Batches(Weary(), 60, lambda: begun.append(None))
    given = crops(count=count)
    assert [one[0].text for one in batches.read(given)] == [str(crop.max()) for crop in given]
    assert len(begun) == -(-count // MOST)
    assert (batches.slow, batches.unread) == ([], 0)


def test_a_batch_that_is_too_slow_costs_no_other() -> None:
    batches = Batches(Weary(), 60)
    seen = batches.read(crops(MOST + 5))
    assert [bool(one) for one in seen] == [i // MOST != 1 for i in range(4 * MOST)]
    assert (len(batches.slow), batches.unread, batches.read_some) == (1, MOST, True)


def test_after_two_slow_batches_nothing_more_is_read() -> None:
    batches = Batches(Weary(), 60)
    assert not any(batches.read(crops(3, MOST + 5)))
    assert (len(batches.slow), batches.unread, batches.read_some) == (2, 4 * MOST, False)
