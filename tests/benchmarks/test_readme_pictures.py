"""Which photographs the README shows."""

import cv2
import numpy as np
import pytest
from readme_pictures import (
    LONGEST_SIDE,
    MOST_BYTES,
    Shown,
    as_jpeg,
    best_middle_worst,
    legible,
    markdown,
)

from locpipe.pipeline.evaluation.overlaps import Region
from locpipe.pipeline.evaluation.score import Score

PIXELS = np.zeros((4, 4, 3), np.uint8)
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


def shown(name: str, h: float) -> Shown:
    return Shown(name, Score(h / 2, 1, h), PIXELS)


@pytest.mark.parametrize(
    ("count", "places"),
    [
        (9, [0, 1, 3, 4, 7, 8]),
        (8, [0, 1, 3, 4, 6, 7]),
        (6, [0, 1, 2, 3, 4, 5]),
        (3, [0, 1, 2]),
        (1, [0]),
    ],
)
def test_the_best_the_middle_and_the_worst_are_shown(count: int, places: list[int]) -> None:
    ranked = [shown(str(place), 1 - place / 10) for place in range(count)]
    assert best_middle_worst(ranked[::-1]) == [ranked[place] for place in places]


def test_equal_ones_go_by_name() -> None:
    names = [one.name for one in best_middle_worst([shown(name, 0.5) for name in "fbdaec"])]
    assert names == list("abcdef")


def test_what_nobody_could_read_is_no_text() -> None:
    assert not legible([])
    assert not legible([Region(SQUARE, ignored=True)])
    assert legible([Region(SQUARE, ignored=True), Region(SQUARE)])


def test_pictures_are_small_even_of_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1280, 900, 3), np.uint8)
    encoded = as_jpeg(noise)
    assert len(encoded) <= MOST_BYTES
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert max(decoded.shape) == LONGEST_SIDE


def test_the_markdown_shows_each_with_its_score_three_in_a_row() -> None:
    text = markdown([shown(name, 0.5) for name in "abcdef"], "docs/images")
    first, rule, second = text.splitlines()
    assert rule == "|---|---|---|"
    assert "![a](docs/images/text-1-a.jpg) DetEval H 50 (P 25, R 100)" in first
    assert "text-6-f.jpg" in second
