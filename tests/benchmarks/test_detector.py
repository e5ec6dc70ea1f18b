"""The program that runs other detectors, as far as it is ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from detectors.detector import answer_of, listed, words_of_letters, words_of_table
from numpy.typing import NDArray

LETTERS = [[10, 20, 12, 20], [24, 20, 12, 20], [38, 21, 12, 19]]


def brightest(rgb: NDArray[np.uint8]) -> dict[str, list[list[list[float]]]]:
    y, x = np.argwhere(rgb[..., 0] > 200)[0].tolist()
    return {"a": [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]]]}


def test_pictures_are_turned_upright_before_they_are_shown(tmp_path: Path) -> None:
    stored = np.zeros((8, 20), np.uint8)
    stored[7, 0] = 255
    exif = PIL.Image.Exif()
    exif[274] = 6  # shown turned a quarter clockwise: the lower left corner comes to the upper left
    file = tmp_path / "a.png"
    PIL.Image.fromarray(stored).save(file, exif=exif)
    answer: dict[str, Any] = json.loads(json.dumps(answer_of(brightest, str(file))))
    assert (answer["width"], answer["height"]) == (8, 20)
    assert answer["found"]["a"][0][0] == [0, 0]
    assert answer["seconds"] >= 0


@pytest.mark.parametrize("none", [None, [], np.zeros((0, 4, 2))])
def test_nothing_found_is_said_in_many_ways(none: object) -> None:
    assert listed(none) == []


def test_polygons_come_flat_or_in_pairs() -> None:
    square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    assert listed([np.array(square).ravel()]) == listed(np.array([square])) == [square]


def test_letters_side_by_side_are_a_word() -> None:
    assert words_of_letters(np.array(LETTERS, float)) == [[[10, 20], [50, 20], [50, 40], [10, 40]]]


@pytest.mark.parametrize(
    "rects",
    [
        [],
        LETTERS[:1],
        LETTERS[:2],  # too short to tell from anything else that stands in pairs
        [[10, 20, 12, 20], [11, 21, 10, 18], [12, 22, 8, 16]],  # nested regions of one letter
        [[10, 20, 12, 20], [60, 20, 12, 20], [110, 20, 12, 20]],  # far apart
        [[10, 20, 12, 20], [24, 20, 12, 60], [38, 20, 12, 20]],  # of unlike height
        [[10, 20, 2, 6], [13, 20, 2, 6], [16, 20, 2, 6]],  # too small
    ],
)
def test_what_is_no_word(rects: list[list[float]]) -> None:
    assert words_of_letters(np.array(rects, float).reshape(-1, 4)) == []


def test_tesseracts_words_are_those_it_is_sure_of() -> None:
    head = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"
    rows = [
        "4\t1\t1\t1\t1\t0\t0\t0\t90\t30\t-1\t",
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t5\t96.5\tSTOP",
        "5\t1\t1\t1\t1\t2\t50\t20\t30\t5\t49.9\tnoise",
        "5\t1\t1\t1\t1\t3\t90\t20\t30\t5\t95\t ",
    ]
    assert words_of_table("\n".join([head, *rows])) == [[[10, 20], [40, 20], [40, 25], [10, 25]]]
