"""Lines and reading order of boxes laid out by hand."""

import tracemalloc
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.stages.geometry.reading_order import reading_order

Rect = tuple[float, float, float, float]

rects = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 80), st.integers(1, 40)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=30,
)


def corners_of(boxes: list[Rect], degrees: float = 0) -> NDArray[np.float64]:
    """Corners [N, 4, 2] of rectangles left, top, right, bottom, all turned around the origin."""
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    corners = sides[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    turn = np.deg2rad(degrees)
    along = np.array([np.cos(turn), np.sin(turn)])
    down = np.array([-np.sin(turn), np.cos(turn)])
    return np.asarray(corners @ np.stack([along, down]))


def order_of(*boxes: Rect, degrees: float = 0) -> tuple[list[int], list[int]]:
    return reading_order(corners_of(list(boxes), degrees))


def paragraph(rows: int, *, left: float = 0, top: float = 0) -> list[Rect]:
    """Three words of 40 x 20 on each line, lines 30 apart."""
    return [
        (left + 50 * column, top + 30 * row, left + 50 * column + 40, top + 30 * row + 20)
        for row in range(rows)
        for column in range(3)
    ]


def test_two_lines_are_read_from_left_to_right_and_down() -> None:
    order, lines = order_of((60, 40, 90, 50), (50, 1, 80, 11), (0, 0, 40, 10), (0, 42, 50, 52))
    assert order == [2, 1, 3, 0]
    assert lines == [0, 0, 1, 1]


@given(st.integers(-60, 60), st.randoms(use_true_random=False))
def test_a_tilted_paragraph_has_the_lines_of_an_upright_one(degrees: int, random: Random) -> None:
    words = paragraph(4)
    shuffled = random.sample(range(12), 12)
    order, lines = order_of(*(words[i] for i in shuffled), degrees=degrees)
    assert [shuffled[i] for i in order] == list(range(12))
    assert lines == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_slightly_rising_line_is_one_line() -> None:
    boxes = [(i * 30, 40 - i * 3, i * 30 + 25, 50 - i * 3) for i in range(8)]
    assert order_of(*reversed(boxes)) == (list(range(7, -1, -1)), [0] * 8)


def test_words_along_an_arc_are_one_line() -> None:
    words = [
        corners_of([(-15, -110, 15, -90)], degrees=degrees)[0] for degrees in range(-60, 61, 20)
    ]
    assert reading_order(np.array(words)) == (list(range(7)), [0] * 7)


def test_short_words_take_the_angle_of_their_neighbours() -> None:
    """An upright square, as a single letter is boxed, between two words at 30 degrees."""
    words = corners_of([(0, 0, 80, 20), (120, 0, 200, 20)], degrees=30)
    letter = corners_of([(90, 0, 110, 20)], degrees=30)[0].mean(axis=0)
    square = letter + np.array([[-10, -10], [10, -10], [10, 10], [-10, 10]])
    assert reading_order(np.stack([words[0], square, words[1]])) == ([0, 1, 2], [0, 0, 0])


@pytest.mark.parametrize(("gap", "lines"), [(14, [0, 0]), (16, [0, 1])])
def test_gaps_are_in_units_of_height(gap: float, lines: list[int]) -> None:
    assert order_of((0, 0, 40, 10), (40 + gap, 0, 80 + gap, 10))[1] == lines
    assert order_of((0, 0, 400, 100), (400 + 10 * gap, 0, 900, 100))[1] == lines


def test_a_headline_does_not_swallow_what_stands_beside_it() -> None:
    assert order_of((0, 0, 100, 60), (105, 10, 130, 20))[1] == [0, 1]


@pytest.mark.parametrize(("top", "order"), [(3, [0, 2, 1]), (5, [0, 1, 2])])
def test_a_tall_word_does_not_tie_two_lines_together(top: float, order: list[int]) -> None:
    """A word in between overlaps half of either line: it goes to the nearer one."""
    upper, lower = (0, 0, 60, 20), (0, 22, 60, 42)
    tall = (66, top, 130, top + 34)
    lines = [0, 0, 1] if order[1] == 2 else [0, 1, 1]
    assert order_of(upper, lower, tall) == (order, lines)


def test_a_short_line_ends_its_paragraph() -> None:
    words = paragraph(4, top=100)[:-2]
    order, lines = order_of(*reversed(words))
    assert order == list(range(9, -1, -1))
    assert lines == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_columns_are_read_one_after_the_other() -> None:
    left, right = paragraph(5), paragraph(5, left=250)
    mixed = [word for pair in zip(left, right, strict=True) for word in pair]
    order, lines = order_of(*mixed)
    assert [mixed[i] for i in order] == left + right
    assert lines == sorted(3 * list(range(10)))


def test_a_heading_is_read_before_the_columns_below_it() -> None:
    heading: list[Rect] = [(100, -80, 300, -40)]
    words = [*paragraph(3, left=250), *heading, *paragraph(3)]
    order, _ = order_of(*words)
    assert order == [9, *range(10, 19), *range(9)]


def test_vertical_columns_are_read_from_right_to_left() -> None:
    """As Chinese and Japanese are: boxes that run downwards."""
    columns = corners_of([(0, 0, 100, 20), (0, 30, 100, 50)], degrees=90)
    assert columns[0, :, 0].min() > columns[1, :, 0].max()
    assert reading_order(columns) == ([0, 1], [0, 1])


def test_memory_grows_as_the_words_of_a_page_do_not_as_their_pairs() -> None:
    """A page of small print has thousands: 2,000 took half a gigabyte, 4,000 nearly two."""
    words: list[Rect] = [
        (50 * c, 30 * r, 50 * c + 40, 30 * r + 20) for r in range(50) for c in range(40)
    ]
    tracemalloc.start()
    order, lines = order_of(*words)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert order == list(range(2000))
    assert lines == [row for row in range(50) for _ in range(40)]
    assert peak < 50e6


def test_nothing_has_no_order() -> None:
    assert order_of() == ([], [])


@settings(max_examples=50)
@given(rects, st.integers(-90, 90))
def test_every_box_is_read_once_and_lines_are_counted_from_zero(
    boxes: list[Rect], degrees: int
) -> None:
    order, lines = order_of(*boxes, degrees=degrees)
    assert sorted(order) == list(range(len(boxes)))
    assert lines == sorted(lines)
    assert sorted(set(lines)) == list(range(len(set(lines))))


@settings(max_examples=50)
@given(rects, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_input(
    boxes: list[Rect], random: Random
) -> None:
    boxes = sorted(set(boxes))
    shuffled = random.sample(boxes, len(boxes))
    read = [[given[i] for i in order_of(*given)[0]] for given in (boxes, shuffled)]
    assert read[0] == read[1]


@settings(max_examples=50)
@given(rects)
def test_on_a_line_upright_boxes_are_read_from_left_to_right(boxes: list[Rect]) -> None:
    order, lines = order_of(*boxes)
    centres = [(boxes[i][0] + boxes[i][2]) / 2 for i in order]
    for (line, here), (following, there) in pairwise(zip(lines, centres, strict=True)):
        assert line != following or here <= there
