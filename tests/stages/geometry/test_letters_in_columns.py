"""Letters in columns of vertical text, laid out by hand."""

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from locpipe.stages.geometry.reading_order import reading_order

Rect = tuple[float, float, float, float]


def corners_of(boxes: list[Rect]) -> NDArray[np.float64]:
    """Corners [N, 4, 2] of rectangles left, top, right, bottom."""
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    return sides[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def test_characters_in_columns_are_read_downwards_from_the_right() -> None:
    """Columns of vertical Japanese: squares, nearer to each other than columns are."""
    characters: list[Rect] = [
        (200 - 45 * c, 26 * r, 225 - 45 * c, 26 * r + 25) for c in range(4) for r in range(8)
    ]
    read = reading_order(corners_of(characters[::-1]))
    assert read.boxes == list(range(31, -1, -1))
    assert read.lines == sorted(8 * list(range(4)))
    assert set(read.directions) == {"ttb"}


def test_a_column_of_which_letters_were_not_found_is_one_line() -> None:
    """One, two and five letters are missing where the column to the right goes on."""
    missing = {(1, 2), (1, 5), (2, 3), (2, 4), (3, 6), (3, 7), (3, 8), (3, 9), (3, 10)}
    characters: list[Rect] = [
        (300 - 50 * c, 30 * r, 325 - 50 * c, 30 * r + 25)
        for c in range(4)
        for r in range(15)
        if (c, r) not in missing
    ]
    read = reading_order(corners_of(characters[::-1]))
    assert read.boxes == list(range(len(characters)))[::-1]
    assert read.lines == [c for c, size in enumerate((15, 13, 13, 10)) for _ in range(size)]


def test_columns_in_two_tiers_stay_apart_though_letters_are_missing() -> None:
    """The gutter is as wide as two letters and a half; some columns end before it."""
    tiers: list[list[Rect]] = [
        [
            (300 - 40 * c, 30 * r + 335 * tier, 325 - 40 * c, 30 * r + 25 + 335 * tier)
            for c in range(6)
            for r in range(9 - 2 * (c == 3 and tier == 0))
            if (c, r) != (4, 4)
        ]
        for tier in (0, 1)
    ]
    words = list(chain(*tiers))
    read = reading_order(corners_of(words))
    assert read.boxes == list(range(len(words)))
    assert len(set(read.lines)) == 12


def test_a_letter_whose_rectangle_is_oblique_stays_in_its_column() -> None:
    """The smallest rectangle around such a glyph lies at any angle."""
    letters = corners_of([(60.0 - 60 * c, 50.0 * r, 100.0 - 60 * c, 50.0 * r + 40) for c in range(2) for r in range(6)])  # fmt: skip
    for one in (2, 8):
        middle = letters[one].mean(axis=0)
        turn = np.deg2rad(40)
        to = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        letters[one] = (letters[one] - middle) @ to + middle
    read = reading_order(letters)
    assert read.boxes == list(range(12))
    assert read.lines == [0] * 6 + [1] * 6
    assert set(read.directions) == {"ttb"}
