"""What holds for every protocol."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Polygon, Region
from locpipe.pipeline.evaluation.score import PROTOCOLS, Score, score
from locpipe.pipeline.evaluation.truth import read_truth, truth_files

DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[4] / "shared" / "data"))

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@st.composite
def rotated(draw: st.DrawFn, cell: tuple[int, int]) -> Polygon:
    """A rotated rectangle inside one 50 x 50 cell of the picture."""
    angle = draw(st.floats(0, math.tau))
    half = np.array([draw(st.floats(3, 15)), draw(st.floats(3, 15))])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    return np.asarray(corners @ turn + np.array(cell) * 50 + 25)


cells = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True, min_size=1, max_size=8
)
disjoint = cells.flatmap(lambda chosen: st.tuples(*map(rotated, chosen))).map(list)

anything = st.lists(
    st.lists(st.tuples(st.floats(-20, 220), st.floats(-20, 220)), min_size=4, max_size=4).map(
        lambda points: np.array(points, dtype=np.float64)
    ),
    max_size=6,
)


def score_one(picture: ComparedPicture, protocol: str) -> Score:
    return score([picture], [protocol]).totals[protocol].score


def assert_close(actual: Score, expected: Score) -> None:
    assert vars(actual) == pytest.approx(vars(expected), abs=1e-9)


@every_protocol
@given(words=disjoint)
def test_perfect_detections_score_one(protocol: str, words: list[Polygon]) -> None:
    picture = ComparedPicture("a", (200, 200), list(map(Region, words)), words)
    assert_close(score_one(picture, protocol), Score(1, 1, 1))


@every_protocol
@given(words=disjoint)
def test_finding_nothing_scores_zero(protocol: str, words: list[Polygon]) -> None:
    picture = ComparedPicture("a", (200, 200), list(map(Region, words)), [])
    assert score_one(picture, protocol) == Score(0, 0, 0)


@every_protocol
@given(words=disjoint, data=st.data())
def test_regions_that_do_not_matter_neither_help_nor_harm(
    protocol: str, words: list[Polygon], data: st.DataObject
) -> None:
    """Detections on them or not: what counts are the other words."""
    ignored = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    found = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    truth = [Region(word, flag) for word, flag in zip(words, ignored, strict=True)]
    hits = [word for word, flag in zip(words, found, strict=True) if flag]
    counted = [region for region in truth if not region.ignored]
    counted_hits = [
        word for word, out, flag in zip(words, ignored, found, strict=True) if flag and not out
    ]
    picture = ComparedPicture("a", (200, 200), truth, hits)
    without = replace(picture, truth=counted, detections=counted_hits)
    assert_close(score_one(picture, protocol), score_one(without, protocol))


@every_protocol
@given(truth=anything, ignored=anything, found=anything)
def test_scores_lie_in_0_1_for_any_polygons(
    protocol: str, truth: list[Polygon], ignored: list[Polygon], found: list[Polygon]
) -> None:
    regions = [*map(Region, truth), *(Region(polygon, ignored=True) for polygon in ignored)]
    result = score_one(ComparedPicture("a", (200, 200), regions, found), protocol)
    for rate in vars(result).values():
        assert 0 <= rate <= 1 + 1e-9


@every_protocol
@given(truth=disjoint, found=disjoint, data=st.data())
def test_order_does_not_matter_where_boxes_lie_apart(
    protocol: str, truth: list[Polygon], found: list[Polygon], data: st.DataObject
) -> None:
    """One rectangle per cell on both sides; with overlaps the matching protocols are greedy."""
    regions = list(map(Region, truth))
    picture = ComparedPicture("a", (200, 200), regions, found)
    shuffled = replace(
        picture,
        truth=data.draw(st.permutations(regions)),
        detections=data.draw(st.permutations(found)),
    )
    assert_close(score_one(picture, protocol), score_one(shuffled, protocol))


@pytest.mark.parametrize(
    ("name", "lowest_h"),
    [
        # Nested words make DetEval split: 657.6 of 661 words, 660 of 661 boxes.
        pytest.param("icdar2013_train", {"icdar2015": 1, "deteval": 0.9966, "pixel": 1}),
        # One word lies for the most part in a do-not-care region, so its box is dropped.
        pytest.param("icdar2015_train", {"icdar2015": 0.9996, "deteval": 0.9983, "pixel": 1}),
        pytest.param("msra_td500_train", {"icdar2015": 1, "deteval": 1, "pixel": 1}),
    ],
)
def test_real_ground_truth_scores_against_itself(name: str, lowest_h: dict[str, float]) -> None:
    folder = DATA / "text" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; LOCPIPE_DATA names the folder of data sets")
    images = {file.stem: file for file in (folder / "images").iterdir()}
    pictures = []
    for stem, file in truth_files(folder).items():
        truth = read_truth(file)
        with Image.open(images[stem]) as image:
            words = [region.polygon for region in truth if not region.ignored]
            pictures.append(ComparedPicture(stem, image.size, truth, words))
    for protocol, total in score(pictures).totals.items():
        assert lowest_h[protocol] - 1e-9 <= total.score.h <= 1 + 1e-9
