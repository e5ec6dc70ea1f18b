"""An engine gets a few crops of a page at a time, so that a time limit loses few of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Seen

MOST: Final = 64
"""Crops at a time. Tesseract takes as long to start as to read four crops."""
_MOST_SLOW: Final = 2  # batches of a page; after more, the engine hangs


@dataclass
class Batches:
    """Reads crops with an engine. If a batch is too slow, its crops are not read.

    Args:
        engine: the engine.
        seconds: time limit per batch; see `Engine.read`.
        begin: called before each batch.

    Attributes:
        slow: messages of the engine about batches that were too slow. After the second, reading
            stops.
        unread: number of crops that were not read.
        read_some: whether a batch was read.
    """

    engine: Engine
    seconds: float
    begin: Callable[[], object] = lambda: None
    slow: list[TimeoutError] = field(default_factory=list)
    unread: int = 0
    read_some: bool = False

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is seen on each crop (uint8 [h, w, 3], sRGB); an empty list for unread crops.

        Raises:
            ImageError: the engine failed.
        """
        seen: list[list[Seen]] = []
        for first in range(0, len(crops), MOST):
            seen += self._batch(crops[first : first + MOST])
        return seen

    def _batch(self, crops: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        if len(self.slow) < _MOST_SLOW:
            self.begin()
            try:
                seen = self.engine.read(crops, self.seconds)
            except TimeoutError as error:
                self.slow.append(error)
            else:
                self.read_some = True
                return seen
        self.unread += len(crops)
        return [[] for _ in crops]
