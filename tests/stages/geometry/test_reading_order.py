"""Lines and reading order of boxes laid out by hand."""

import math
import time
import tracemalloc
from collections.abc import Callable
from itertools import chain, pairwise
from random import Random
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.stages.geometry.reading_order import ReadingOrder, reading_order
from locpipe.stages.settings import Direction

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
    return lines_read(corners_of(list(boxes), degrees))


def lines_read(corners: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    read = reading_order(corners)
    return read.boxes, read.lines


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
    assert lines_read(np.array(words)) == (list(range(7)), [0] * 7)


def test_short_words_take_the_angle_of_their_neighbours() -> None:
    """An upright square, as a single letter is boxed, between two words at 30 degrees."""
    words = corners_of([(0, 0, 80, 20), (120, 0, 200, 20)], degrees=30)
    letter = corners_of([(90, 0, 110, 20)], degrees=30)[0].mean(axis=0)
    square = letter + np.array([[-10, -10], [10, -10], [10, 10], [-10, 10]])
    assert lines_read(np.stack([words[0], square, words[1]])) == ([0, 1, 2], [0, 0, 0])


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
    assert lines_read(columns) == ([0, 1], [0, 1])


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


@pytest.mark.parametrize("direction", ["auto", "ltr", "rtl", "ttb"])
def test_a_box_alone_is_a_line_and_a_block(direction: Direction) -> None:
    read = reading_order(corners_of([(10, 20, 90, 40)]), direction)
    usual = "ltr" if direction == "auto" else direction
    assert read == ReadingOrder([0], [0], [0], [usual])


@settings(max_examples=50)
@given(rects, st.integers(-90, 90))
def test_every_box_is_read_once_and_lines_are_counted_from_zero(
    boxes: list[Rect], degrees: int
) -> None:
    order, lines = order_of(*boxes, degrees=degrees)
    assert sorted(order) == list(range(len(boxes)))
    assert lines == sorted(lines)
    assert sorted(set(lines)) == list(range(len(set(lines))))


@settings(max_examples=200)
@given(st.lists(st.tuples(rects, st.integers(-180, 180)), max_size=6))
def test_boxes_at_angles_of_their_own_are_all_read(signs: list[tuple[list[Rect], int]]) -> None:
    turned = [corners_of(boxes[:4], degrees) for boxes, degrees in signs]
    corners = np.concatenate([corners_of([]), *turned])
    for direction in get_args(Direction):
        read = reading_order(corners, direction)
        assert sorted(read.boxes) == list(range(len(corners)))
        assert read.lines == sorted(read.lines)
        assert read.blocks == sorted(read.blocks)


@pytest.mark.parametrize("angles", [(0, 180), (-44.9, 44.9), (0, 120, 240), (45.1, 134.9)])
def test_a_page_without_a_level_line_is_read(angles: tuple[float, ...]) -> None:
    """Lines that run against each other have no mean direction, so none of them is level."""
    boxes = [corners_of([(300 * n, 0, 300 * n + 90, 20)], a) for n, a in enumerate(angles)]
    assert sorted(reading_order(np.concatenate(boxes)).boxes) == list(range(len(angles)))


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


def column(lines: int, *, left: float, words: int = 3, top: float = 0) -> list[Rect]:
    """Lines of words of 60 x 19 with blanks of 6, 25 apart."""
    return [
        (left + 66 * word, top + 25 * line, left + 66 * word + 60, top + 25 * line + 19)
        for line in range(lines)
        for word in range(words)
    ]


@pytest.mark.parametrize("degrees", [0, 7, -20, 90])
@pytest.mark.parametrize("gutter", [16, 26, 30])
def test_lines_never_cross_a_gutter(gutter: float, degrees: float) -> None:
    """26 pixels at type of 19, as in a newspaper."""
    columns = [column(12, left=number * (192 + gutter)) for number in range(6)]
    words = [word for row in zip(*columns, strict=True) for word in row]
    read = reading_order(corners_of(words, degrees))
    assert [words[i] for i in read.boxes] == list(chain(*columns))
    assert read.blocks == sorted(36 * list(range(6)))


def test_a_headline_over_several_columns_stands_between_what_is_above_and_below() -> None:
    parts = [
        column(5, left=0),
        column(5, left=220),
        [(0.0, 150.0, 400.0, 185.0)],
        column(5, left=0, top=200),
        column(5, left=220, top=200),
    ]
    words = list(chain(*parts))
    order, _ = order_of(*reversed(words))
    assert [len(words) - 1 - i for i in order] == list(range(len(words)))


def test_small_columns_below_large_headings_are_read_from_the_left_though_one_stands_higher() -> (
    None
):
    """On a photographed poster, whose middle bulges."""
    headings: list[Rect] = [(20, 200 * row, 820, 200 * row + 70) for row in range(5)]
    # Of their own lengths, so that they are no table.
    columns = [
        column(3, left=0, top=1008),
        column(4, left=320, top=1000),
        column(2, left=640, top=1008),
    ]
    words = [*headings, *chain(*columns)]
    assert order_of(*words)[0] == list(range(len(words)))


def test_a_headline_spans_columns_also_where_a_bent_page_lets_one_reach_up_to_it() -> None:
    above = [*column(5, left=0), *column(5, left=300)]
    headline: list[Rect] = [(0, 150, 190, 180)]
    below = [*column(5, left=0, top=210), *column(5, left=300, top=177)]
    words = [*above, *headline, *below]
    assert order_of(*words)[0] == list(range(len(words)))


def test_a_table_is_a_block_that_is_read_by_rows() -> None:
    cells: list[Rect] = [
        (120 * cell, 45 * row, 120 * cell + 30 + 17 * ((row * 7 + cell * 3) % 4), 45 * row + 19)
        for row in range(6)
        for cell in range(4)
    ]
    read = reading_order(corners_of(cells[::-1]))
    assert read.boxes == list(range(23, -1, -1))
    assert set(read.blocks) == {0}


def downwards(lines: int, *, left: float, top: float = 0) -> NDArray[np.float64]:
    """Lines of three words that run downwards, the first on the right, as of a page on its side."""
    words = corners_of(paragraph(lines), degrees=90)
    return np.asarray(words - words.min(axis=(0, 1)) + np.array([left, top]))


def test_lines_across_a_table_are_none_of_its_cells() -> None:
    cells: list[Rect] = [
        (120 * cell, 45 * row, 120 * cell + 30 + 17 * ((row * 7 + cell * 3) % 4), 45 * row + 19)
        for row in range(6)
        for cell in range(3)
    ]
    read = reading_order(np.concatenate([corners_of(cells), downwards(2, left=400)]))
    assert read.boxes == list(range(24))
    assert read.directions == ["ltr"] * 18 + ["ttb"] * 6
    assert [len(set(read.blocks[part])) for part in (slice(18), slice(18, 24))] == [1, 1]


@pytest.mark.parametrize("left", [152, 160])
def test_lines_at_right_angles_are_no_block(left: float) -> None:
    level = corners_of(paragraph(3))
    read = reading_order(np.concatenate([level, downwards(2, left=left)]))
    assert read.boxes == list(range(15))
    assert read.directions == ["ltr"] * 9 + ["ttb"] * 6
    assert read.blocks == [0] * 9 + [1] * 6


def test_numbers_stand_before_their_paragraphs() -> None:
    items: list[Rect] = []
    for item in range(5):
        top = 90 * item
        items += [(0, top, 20, top + 19), *column(3, left=50, words=5, top=top)]
    order, _ = order_of(*items[::-1])
    assert order == list(range(len(items) - 1, -1, -1))


def test_a_direction_that_is_asked_for_is_taken() -> None:
    left, right = column(5, left=0), column(5, left=230)
    read = reading_order(corners_of([*left, *right]), "rtl")
    assert read.boxes[:3] == [17, 16, 15]
    assert read.boxes[15:18] == [2, 1, 0]
    assert set(read.directions) == {"rtl"}
    squares: list[Rect] = [
        (30 * c, 40 * r, 30 * c + 25, 40 * r + 25) for c in (0, 1) for r in (0, 1)
    ]
    assert reading_order(corners_of(squares), "ltr").boxes == [0, 2, 1, 3]
    assert reading_order(corners_of(squares), "ttb").boxes == [2, 3, 0, 1]


def test_signs_are_blocks_of_their_own() -> None:
    signs = [paragraph(2, left=x, top=y) for x, y in ((0, 0), (400, 70), (50, 300))]
    read = reading_order(corners_of(list(chain(*signs))))
    assert len(set(read.blocks)) == 3
    assert read.blocks == sorted(read.blocks)


def test_boxes_in_the_same_place_follow_each_other() -> None:
    read = reading_order(corners_of([(0, 0, 40, 20), (50, 0, 90, 20), (0, 0, 40, 20)]))
    assert read.boxes == [0, 2, 1]
    assert len(reading_order(corners_of([(0, 0, 40, 20)] * 65_000)).boxes) == 65_000


def test_a_pile_of_sixty_five_thousand_boxes_makes_no_pairs() -> None:
    """A hundred lie on each other wherever one is. Their pairs took gigabytes and a minute."""
    corners = crowd(65_000, depth=100)
    tracemalloc.start()
    read = reading_order(corners)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted(read.boxes) == list(range(65_000))
    assert peak < 100e6


def test_boxes_that_overlap_almost_wholly_make_no_pairs() -> None:
    """Pairs of 5,000 took gigabytes."""
    chance = np.random.default_rng(5)
    corners = corners_of([(0, 0, 60, 20)] * 5000) + chance.normal(0, 1, (5000, 1, 2))
    tracemalloc.start()
    read = reading_order(corners)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted(read.boxes) == list(range(5000))
    assert peak < 50e6
    shuffled = chance.permutation(5000)
    again = shuffled[reading_order(corners[shuffled]).boxes]
    assert again.tolist() == read.boxes


def columns(boxes: int) -> NDArray[np.float64]:
    words = [column(boxes // 64, left=620.0 * c, words=8) for c in range(8)]
    return corners_of(list(chain(*words)))


def scattered(boxes: int) -> NDArray[np.float64]:
    """Words of all sizes anywhere, as far from each other whatever their number."""
    chance = np.random.default_rng(boxes)
    places, sizes = chance.uniform(0, 60 * boxes**0.5, (boxes, 2)), chance.uniform((20, 10), (90, 25), (boxes, 2))  # fmt: skip
    both = np.concatenate([places, places + sizes], axis=1)
    return corners_of([(left, top, right, bottom) for left, top, right, bottom in both.tolist()])


def crowd(boxes: int, depth: float = 4) -> NDArray[np.float64]:
    """Words of all sizes of which so many lie on each other, wherever one is."""
    apart = scattered(boxes)
    return np.asarray(apart - (1 - 0.5 / depth**0.5) * apart[:, :1])


@pytest.mark.parametrize("page", [columns, scattered, crowd])
def test_the_work_grows_as_n_log_n(page: Callable[[int], NDArray[np.float64]]) -> None:
    """Four times the boxes take 4.7 times as long; squared it would be 16. The best of three counts."""
    pages = [page(boxes) for boxes in (2500, 10_000)]
    seconds = [math.inf, math.inf]
    for _ in range(3):
        for which, corners in enumerate(pages):
            started = time.process_time()
            reading_order(corners)
            seconds[which] = min(seconds[which], time.process_time() - started)
    assert seconds[1] < 9 * seconds[0]
