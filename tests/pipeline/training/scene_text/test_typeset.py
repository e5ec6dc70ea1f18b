from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.fonts import Face
from locpipe.pipeline.training.scene_text.typeset import Style, Typeset, typeset


@pytest.fixture
def style(face: Face) -> Style:
    return Style(face, em=30, tracking=0, gap=0.3, leading=1.2, align=0, vertical=False)


def set_lines(lines: list[list[str]], style: Style) -> Typeset:
    done = typeset(lines, style)
    assert done is not None
    return done


def test_word_boxes_fit_their_ink(style: Style) -> None:
    done = set_lines([["one", "Qy"], ["three"]], style)
    for word in done.words:
        box = done.mask[int(word.top) : int(word.bottom), int(word.left) : int(word.right)]
        assert box[0].any()
        assert box[-1].any()
        assert box[:, 0].any()
        assert box[:, -1].any()
        done.mask[int(word.top) : int(word.bottom), int(word.left) : int(word.right)] = 0
    assert not done.mask.any()


def test_mask_is_cut_to_the_ink(style: Style) -> None:
    mask = set_lines([["word"]], style).mask
    assert all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


@pytest.mark.parametrize("tracking", [-0.03, 0.0, 0.3])
def test_words_of_a_line_are_apart(style: Style, tracking: float) -> None:
    style = replace(style, tracking=tracking, gap=0.3 + max(tracking, 0))
    words = set_lines([["one", "two", "MAX", "3"]], style).words
    assert all(after.left - before.right > 0.1 * style.em for before, after in pairwise(words))


def test_lines_follow_each_other_by_the_leading(style: Style) -> None:
    words = set_lines([["HE"], ["HE"], ["HE"]], style).words
    assert [word.line for word in words] == [0, 1, 2]
    steps = [after.top - before.top for before, after in pairwise(words)]
    assert steps == pytest.approx([36, 36], abs=1)


@pytest.mark.parametrize(("align", "edge"), [(0.0, "left"), (1.0, "right")])
def test_alignment(style: Style, align: float, edge: str) -> None:
    words = set_lines([["H", "HHH"], ["H"]], replace(style, align=align)).words
    first = words[0 if edge == "left" else 1]
    assert getattr(first, edge) == pytest.approx(getattr(words[2], edge), abs=1)


def test_tracking_widens(style: Style) -> None:
    plain = set_lines([["wide"]], style).mask.shape[1]
    tracked = set_lines([["wide"]], replace(style, tracking=0.5)).mask.shape[1]
    assert tracked == pytest.approx(plain + 3 * 15, abs=3)


def test_vertical_words_grow_downwards(style: Style) -> None:
    height, width = set_lines([["HOTEL"]], replace(style, vertical=True)).mask.shape
    assert height > 4 * style.em
    assert width < 1.2 * style.em


def test_vertical_lines_are_columns_from_the_right(style: Style) -> None:
    first, second = set_lines([["HOTEL"], ["INN"]], replace(style, vertical=True, leading=2)).words
    assert first.left - second.left == pytest.approx(2 * style.em, abs=style.em / 2)
    assert first.top == second.top
    assert first.bottom - first.top > 1.5 * (second.bottom - second.top)


def test_narrow_letters_stand_in_the_middle_of_their_column(style: Style) -> None:
    wide = set_lines([["WW"]], replace(style, vertical=True)).mask
    narrow = set_lines([["WI"]], replace(style, vertical=True)).mask
    assert narrow.shape[1] == wide.shape[1]
    below = np.flatnonzero(narrow[style.em :].any(axis=0))
    assert below.mean() == pytest.approx((wide.shape[1] - 1) / 2, abs=2)


def test_nothing_to_draw_is_none(style: Style) -> None:
    assert typeset([[" "]], style) is None
    assert typeset([[]], style) is None


@given(st.lists(st.lists(st.sampled_from(["a", "gy", "W'", "$4.5"]), max_size=4), max_size=4))
def test_every_word_is_there_and_inside(face: Face, lines: list[list[str]]) -> None:
    style = Style(face, em=17, tracking=0.1, gap=0.4, leading=1.1, align=0.5, vertical=False)
    done = typeset(lines, style)
    texts = [word for line in lines for word in line]
    assert (done is None) == (not texts)
    if done:
        height, width = done.mask.shape
        assert [word.text for word in done.words] == texts
        assert np.all([(0 <= w.left < w.right <= width) for w in done.words])
        assert np.all([(0 <= w.top < w.bottom <= height) for w in done.words])
