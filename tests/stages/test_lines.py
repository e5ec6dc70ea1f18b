"""Lines and reading order of boxes laid out by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from locpipe.stages.lines import reading_order

rects = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 80), st.integers(1, 40)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=30,
)


def order_of(*boxes: tuple[int, int, int, int]) -> tuple[list[int], list[int]]:
    return reading_order(np.array(boxes, np.float64).reshape(-1, 4))


def test_two_lines_are_read_from_left_to_right_and_down() -> None:
    order, lines = order_of((60, 40, 90, 50), (50, 1, 80, 11), (0, 0, 40, 10), (0, 42, 50, 52))
    assert order == [2, 1, 3, 0]
    assert lines == [0, 0, 1, 1]


def test_a_slightly_rising_line_is_one_line() -> None:
    boxes = [(i * 30, 40 - i * 3, i * 30 + 25, 50 - i * 3) for i in range(8)]
    assert order_of(*reversed(boxes)) == (list(range(7, -1, -1)), [0] * 8)


def test_columns_far_apart_are_not_one_line() -> None:
    assert order_of((0, 0, 40, 10), (100, 0, 140, 10))[1] == [0, 1]


def test_a_headline_does_not_swallow_what_stands_beside_it() -> None:
    assert order_of((0, 0, 100, 60), (105, 10, 130, 20))[1] == [0, 1]


def test_nothing_has_no_order() -> None:
    assert order_of() == ([], [])


@given(rects)
def test_every_box_is_read_once_and_lines_are_counted_from_zero(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    order, lines = order_of(*boxes)
    assert sorted(order) == list(range(len(boxes)))
    assert lines == sorted(lines)
    assert sorted(set(lines)) == list(range(len(set(lines))))


@given(rects, st.randoms())
def test_the_order_does_not_depend_on_the_order_of_the_input(
    boxes: list[tuple[int, int, int, int]], random: np.random.RandomState
) -> None:
    boxes = sorted(set(boxes))
    shuffled = list(boxes)
    random.shuffle(shuffled)
    read = [[given[i] for i in order_of(*given)[0]] for given in (boxes, shuffled)]
    assert read[0] == read[1]
