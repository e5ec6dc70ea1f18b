"""The interface of OCR engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seen:
    """What an engine saw on a crop, a word or a few; the text is not empty, the confidence 0..1.

    It begins and ends `left` and `right` pixels from the left edge of the crop.
    """

    text: str
    confidence: float
    left: float
    right: float


class Engine(Protocol):
    """Reads pictures of one line of text, be it one word."""

    version: str
    """Of the engine, as results name it."""
    language: str
    """What it reads."""
    padding: float
    """What it wants to see around a box, in units of its height."""
    min_confidence: float
    """Text read with less is wrong more often than right."""
    places_words: bool
    """Whether it says where on a crop each word stands; else it sees one thing on all of it."""

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        """Read one or more crops, each uint8 [h, w, 3] sRGB with text that runs to the right.

        Returns:
            What it sees on each, from left to right.

        Raises:
            TimeoutError: it worked for longer than these seconds, or stood still for as long. Where the
                engine runs in this process, only the limit of the worker ends it.
            ImageError: it failed.
        """
