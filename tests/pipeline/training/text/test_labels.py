import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.truth import RenderedWord
from locpipe.pipeline.training.text.labels import BACKGROUND, CLASSES, GAP, IGNORED, TEXT, label


def word(left: float, top: float, right: float, bottom: float, text: str = "a") -> RenderedWord:
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return RenderedWord(quad, text, 0, quad)


def test_a_word_is_core_in_a_ring_of_gap() -> None:
    truth = label([word(40, 40, 200, 80)], 256, 128)
    # Shrunk by a quarter of 40 pixels: 50..190 x 50..70; the gap ends 4.8 pixels outside.
    text = np.argwhere(truth.classes == TEXT)
    assert text.min(axis=0).tolist() == [12, 12]
    assert text.max(axis=0).tolist() == [17, 47]
    gap = np.argwhere(truth.classes == GAP)
    assert gap.min(axis=0).tolist() == [9, 9]
    assert gap.max(axis=0).tolist() == [20, 50]
    assert (truth.classes[:9] == BACKGROUND).all()
    assert len(CLASSES) == 3


def test_a_gap_parts_neighbours() -> None:
    row = label([word(20, 40, 100, 80), word(106, 40, 200, 80)], 256, 128).classes[15]
    assert row[20] == TEXT
    assert (row[23:29] == GAP).all()
    assert row[32] == TEXT


def test_the_core_of_a_word_is_never_another_words_gap() -> None:
    classes = label([word(0, 40, 256, 80), word(96, 0, 116, 120)], 256, 128).classes
    assert classes[15, 26] == TEXT  # inside of both
    assert classes[5, 26] == TEXT
    assert classes[15, 5] == TEXT


@pytest.mark.parametrize(
    "hidden",
    [
        word(40, 40, 200, 80, "###"),
        word(40, 40, 200, 44.5),  # too small to read
        word(-190, 40, 30, 80),  # a seventh of it is in the picture
    ],
)
def test_what_cannot_be_read_is_ignored(hidden: RenderedWord) -> None:
    classes = label([hidden], 256, 128).classes
    assert set(np.unique(classes)) == {BACKGROUND, IGNORED}


def test_reading_goes_before_ignoring() -> None:
    classes = label([word(40, 40, 200, 80), word(40, 40, 200, 80, "###")], 256, 128).classes
    assert (classes == TEXT).sum() == 6 * 36


def test_a_picture_without_words_is_background() -> None:
    truth = label([], 64, 32)
    assert truth.classes.shape == truth.weights.shape == (8, 16)
    assert not truth.classes.any()
    assert not truth.weights.any()


@given(st.floats(5.5, 60), st.floats(0, 8), st.floats(0, 8), st.floats(1, 6))
def test_no_readable_word_falls_between_the_cells(
    height: float, x: float, y: float, aspect: float
) -> None:
    box = word(10 + x, 10 + y, 10 + x + aspect * height, 10 + y + height)
    assert (label([box], 512, 128).classes == TEXT).any()


def test_words_share_by_the_fourth_root_of_their_positions() -> None:
    truth = label([word(20, 20, 160, 60), word(120, 120, 400, 200)], 512, 256)
    for name in (TEXT, GAP):
        counts, totals = [], []
        for rows in (slice(0, 22), slice(22, 64)):
            chosen = truth.classes[rows] == name
            counts.append(chosen.sum() ** 0.25)
            totals.append(truth.weights[rows][chosen].sum())
        np.testing.assert_allclose(totals, np.array(counts) / sum(counts) ** 0.5, rtol=1e-4)
    assert not truth.weights[truth.classes == BACKGROUND].any()


def test_a_page_of_small_print_counts_little_more_than_a_large_word() -> None:
    page = [word(x, y, x + 40, y + 10) for x in range(10, 450, 50) for y in range(10, 500, 20)]
    small = label(page, 512, 512).weights.sum()
    large = label([word(20, 100, 490, 400)], 512, 512).weights.sum()
    assert 1 < small / large < 10


def test_curved_words_have_curved_cores() -> None:
    angle = np.linspace(np.pi, 2 * np.pi, 9)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    polygon = np.concatenate([128 + 110 * ring, 128 + 70 * ring[::-1]]).astype(np.float32)
    classes = label([RenderedWord(polygon[:4], "arc", 0, polygon)], 256, 256).classes
    assert classes[9, 32] == TEXT  # the crown, 90 pixels above the centre
    assert classes[20, 32] == BACKGROUND  # below the arch


def test_renderings_can_be_labelled(renderer: Renderer) -> None:
    for index in range(12):
        rendering = renderer.render(index)
        truth = label(rendering.words, 192, 192)
        assert (truth.weights > 0).sum() == np.isin(truth.classes, (TEXT, GAP)).sum()
