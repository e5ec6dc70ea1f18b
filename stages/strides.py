"""Positions of the cells of a map in the picture that a network sees."""

from dataclasses import dataclass


def round_up(value: int, multiple: int) -> int:
    """Return the smallest multiple that is at least `value`."""
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Geometry:
    """Where the cells of a map lie in the picture that the network sees, along one axis.

    Attributes:
        stride: pixels from one cell to the next.
        offset: position of cell 0's centre in pixels; 0 is the outer corner of the first pixel.
        receptive_field: pixels that a cell sees, centred on it.
        multiple: the largest stride anywhere in the network. Pictures are padded to a multiple of
            it, so that no layer drops a remainder and branches meet at equal sizes.
    """

    stride: int
    offset: float
    receptive_field: int
    multiple: int
