"""The interface of OCR engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seen:
    """One or more words that an engine saw on a crop; the text is not empty, confidence is 0..1.

    The text reaches from `left` to `right`, in pixels from the left edge of the crop.
    """

    text: str
    confidence: float
    left: float
    right: float


class Engine(Protocol):
    """Reads pictures of one line of text, or of one word."""

    version: str
    """Version of the engine, as results name it."""
    language: str
    """Language that it reads."""
    padding: float
    """Margin that it needs around a box, in heights of the box."""
    min_confidence: float
    """Text with lower confidence is wrong more often than right."""
    places_words: bool
    """Whether it says where each word is on a crop; if not, it gives one text per crop."""

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        """Read one or more crops, each uint8 [h, w, 3] sRGB with text that runs to the right.

        Returns:
            The texts on each crop, from left to right.

        Raises:
            TimeoutError: the engine worked longer than `seconds`, or did nothing for as long. An
                engine in this process is only ended by the limit of the worker.
            ImageError: the engine failed.
        """
