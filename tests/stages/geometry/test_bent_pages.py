"""Reading order where a photographed page is bent or slanted, and where columns look like tables."""

from itertools import chain
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.stages.geometry.reading_order import reading_order
from locpipe.stages.geometry.rectangles import smallest_rectangle

Floats = NDArray[np.float64]
Rect = tuple[float, float, float, float]

LEADING = 26.0  # from line to line, of words 16 high


def seen(words: list[Rect], *, bend: float = 0, lean: float = 0, degrees: float = 0) -> Floats:
    """Corners [N, 4, 2] of words on a page of 1000 x 1000 that is bent, slanted and turned.

    `bend` is how many pixels its middle is too low, `lean` how far aside it is per pixel that it is lower.
    """
    corners = np.array(words, np.float64)[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    x, y = corners[..., 0] - 500, corners[..., 1] - 500
    y = y + bend * np.cos(np.pi * x / 1000)
    x = x + lean * y
    turn = np.deg2rad(degrees)
    turned = np.stack(
        [np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], -1
    )
    return np.stack([smallest_rectangle(quad) for quad in turned])


def order(corners: Floats) -> list[int]:
    return reading_order(corners).boxes


def running(lines: int, *, left: float, width: float, top: float = 0, seed: int = 1) -> list[Rect]:
    """Ragged text: as many words of 20 to 110 pixels as there is room for."""
    random = Random(seed)
    words: list[Rect] = []
    x, row = left, 0
    while row < lines:
        length = random.randint(20, 110)
        if x + length > left + width:
            x, row = left, row + 1
            continue
        words.append((x, top + LEADING * row, x + length, top + LEADING * row + 16))
        x += length + 6
    return [word for word in words if word[1] < top + LEADING * lines]


def table(rows: int, *, top: float) -> list[Rect]:
    return [
        (260 * cell, top + 34 * row, 260 * cell + 40 + (row * 37 + cell * 53) % 90, top + 34 * row + 16)
        for row in range(rows)
        for cell in range(4)
    ]  # fmt: skip


@pytest.mark.parametrize("degrees", [-8, -2, 2, 8])
def test_a_slanted_page_of_vertical_text_is_read_downwards_from_the_right(degrees: float) -> None:
    """A hair to the left of upright, and boxes would run upwards."""
    columns: list[Rect] = [
        (900 - 60 * column, 130 * word, 930 - 60 * column, 130 * word + 110)
        for column in range(10)
        for word in range(6)
    ]
    read = reading_order(seen(columns, degrees=degrees))
    assert read.boxes == list(range(60))
    assert set(read.directions) == {"ttb"}


@pytest.mark.parametrize("bend", [-25, 25])
def test_a_table_on_a_bent_page_is_read_by_rows(bend: float) -> None:
    words = [
        *running(8, left=0, width=1000),
        *table(12, top=250),
        *running(8, left=0, width=1000, top=720),
    ]
    assert order(seen(words, bend=bend)) == list(range(len(words)))


def test_numbers_before_the_items_of_a_leaning_list_stay_with_them() -> None:
    words: list[Rect] = []
    for item in range(10):
        top = 88 * item
        words += [(0, top, 14, top + 16), *running(3, left=40, width=900, top=top, seed=item)]
    assert order(seen(words, lean=0.08)) == list(range(len(words)))


@pytest.mark.parametrize("width", [150, 200])
def test_narrow_columns_of_ragged_text_are_no_table(width: float) -> None:
    columns = [running(20, left=(width + 30) * c, width=width, seed=c) for c in range(4)]
    words = list(chain(*columns))
    assert order(seen(words)) == list(range(len(words)))


def test_wide_blanks_below_each_other_part_no_column() -> None:
    """The last lines of justified narrow columns have two words each, the others more."""
    columns = []
    for column in range(3):
        left = 240.0 * column
        lines = running(8, left=left, width=200, seed=column)
        for row in range(8, 13):
            y = LEADING * row
            lines += [(left, y, left + 84, y + 16), (left + 108, y, left + 196, y + 16)]
        columns.append(lines)
    words = list(chain(*columns))
    assert order(seen(words)) == list(range(len(words)))


def test_signs_at_angles_of_their_own_are_not_bent_straight() -> None:
    signs = [seen(running(4, left=0, width=300, seed=s), degrees=a) + 700 * s for s, a in enumerate((-9, 12, 3))]  # fmt: skip
    corners = np.concatenate(signs)
    read = reading_order(corners)
    alone = [reading_order(sign).boxes for sign in signs]
    starts = np.cumsum([0, *map(len, signs)])
    assert read.boxes == [
        start + i for start, one in zip(starts.tolist(), alone, strict=False) for i in one
    ]


def test_footnotes_close_below_a_column_are_read_after_the_next_column() -> None:
    left, right = running(20, left=0, width=400, seed=1), running(20, left=450, width=400, seed=2)
    below = max(word[3] for word in left) + 12
    notes: list[Rect] = [(60 * word, below, 60 * word + 54, below + 12) for word in range(9)]
    words = [*left, *right, *notes]
    assert order(seen(words)) == list(range(len(words)))
