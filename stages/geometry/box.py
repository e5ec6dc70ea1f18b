"""The results of the boxes stage. The module imports little: all readers of results need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..settings import TextDirection

Point = tuple[float, float]
"""x, y in pixels of the upright picture."""


@dataclass(frozen=True)
class Box:
    """One thing found, in the frame of the upright picture.

    Attributes:
        label: name of the map that the box was found on.
        score: mean heat inside, 0..1.
        polygon: 4 or more corners (x, y), clockwise from the top-left one in reading direction,
            inside the picture, to a hundredth of a pixel.
        rect: the pixels around the polygon: left, top, right, bottom, half-open.
        line: index of the text line of the box.
        class_: the class that the classifier gave the box, if the config asks for it.
        probability: of that class.
        block: index of the block of lines (a column, a caption, a table) of the box.
        direction: of its text: ltr, rtl or ttb.
    """

    label: str
    score: float
    polygon: tuple[Point, ...]
    rect: tuple[int, int, int, int]
    line: int = 0
    class_: str | None = None
    probability: float | None = None
    block: int = 0
    direction: TextDirection = "ltr"


@dataclass(frozen=True)
class Boxes:
    """The boxes of a picture, in reading order.

    `dropped` counts the boxes beyond the maximum; those with the best scores are kept. `filtered`
    counts the boxes that `boxes.keep` removed, by its keys.
    """

    items: tuple[Box, ...]
    dropped: int = 0
    filtered: Mapping[str, int] = field(default_factory=dict)
