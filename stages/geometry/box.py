"""The results of the boxes stage; a light module, as all readers of results need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..settings import TextDirection

Point = tuple[float, float]
"""x, y in pixels of the upright picture."""


@dataclass(frozen=True)
class Box:
    """One thing found, in the frame of the upright picture.

    Attributes:
        label: name of the map it was found on.
        score: mean heat inside, 0..1.
        polygon: 4 or more corners (x, y), clockwise from the top-left one in reading direction,
            inside the picture, to a hundredth of a pixel.
        rect: the pixels around the polygon: left, top, right, bottom, half-open.
        line: index of the text line it stands in.
        class_: the class that the hotspot was classified as, where that was asked for.
        probability: of that class.
        block: index of the block of lines that it stands in: a column, a caption, a table.
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
    """What was found on a picture: the boxes in reading order.

    If there were more than the maximum asked for, the best scores were kept and the rest `dropped`.
    `filtered` counts those that `boxes.keep` turned away, by its key.
    """

    items: tuple[Box, ...]
    dropped: int = 0
    filtered: Mapping[str, int] = field(default_factory=dict)
