"""Crops of a page are given to an engine a few at a time, so that a limit loses few of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Seen

MOST: Final = 64
"""Crops at a time: to start Tesseract takes as long as to read some four of them."""
_MOST_SLOW: Final = 2  # batches of a page; more is an engine that hangs


@dataclass
class Batches:
    """Reads crops with an engine. Those of a batch that is too slow are not read.

    Args:
        engine: that reads.
        seconds: limit of each batch; see `Engine.read`.
        begin: called before each batch.

    Attributes:
        slow: what the engine said of batches that were too slow. After the second one nothing more is
            read.
        unread: crops that were not read.
        read_some: whether a batch was read.
    """

    engine: Engine
    seconds: float
    begin: Callable[[], object] = lambda: None
    slow: list[TimeoutError] = field(default_factory=list)
    unread: int = 0
    read_some: bool = False

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is seen on each crop, each uint8 [h, w, 3] sRGB; nothing on those unread.

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
