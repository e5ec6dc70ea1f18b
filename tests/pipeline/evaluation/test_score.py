from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.counts import Counts
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Region
from locpipe.pipeline.evaluation.score import PROTOCOLS, Score, score
from locpipe.stages.errors import ConfigError

WORD = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
FAR = WORD + 50


def picture(name: str, hits: int, misses: int, false_alarms: int) -> ComparedPicture:
    words = [WORD + np.array([12 * i, 0]) for i in range(hits + misses)]
    wrong = [FAR + np.array([12 * i, 0]) for i in range(false_alarms)]
    return ComparedPicture(name, (200, 100), list(map(Region, words)), [*words[:hits], *wrong])


def test_totals_add_up_counts_not_scores() -> None:
    """1 of 1 words with 1 box, and 1 of 3 words with 4 boxes: recall 2/4, precision 2/5."""
    report = score([picture("a", 1, 0, 0), picture("b", 1, 2, 3)], ["icdar2015"])
    total = report.totals["icdar2015"]
    assert total.counts == Counts(2, 4, 2, 5)
    assert vars(total.score) == pytest.approx({"precision": 0.4, "recall": 0.5, "h": 0.4 / 0.9})


def test_every_picture_has_scores_in_the_order_of_names() -> None:
    report = score([picture("b", 1, 2, 3), picture("a", 1, 0, 0)])
    assert [one.name for one in report.pictures] == ["a", "b"]
    assert list(report.pictures[0].scores) == list(PROTOCOLS)
    assert report.pictures[0].scores["icdar2015"] == Score(1, 1, 1)
    assert report.pictures[1].counts["icdar2015"] == Counts(1, 3, 1, 4)
    second = vars(report.pictures[1].scores["icdar2015"])
    assert second == pytest.approx({"precision": 0.25, "recall": 1 / 3, "h": 2 / 7})


def test_the_interval_of_two_opposite_pictures_is_everything() -> None:
    """A quarter of all draws takes the bad picture twice, a quarter the good one."""
    total = score([picture("a", 1, 0, 0), picture("b", 0, 1, 1)]).totals["icdar2015"]
    assert total.score == Score(0.5, 0.5, 0.5)
    assert total.low == Score(0, 0, 0)
    assert total.high == Score(1, 1, 1)


def test_the_interval_of_like_pictures_is_a_point() -> None:
    total = score([picture(str(i), 2, 2, 0) for i in range(5)]).totals["icdar2015"]
    assert total.low == total.score == total.high == Score(1, 0.5, 2 / 3)


def test_the_interval_is_that_of_the_binomial() -> None:
    """One word in each of 400 pictures, half of them found: 0.5 ± 1.96 · sqrt(0.25 / 400)."""
    total = score([picture(f"{i:03}", i % 2, 1 - i % 2, 0) for i in range(400)]).totals["icdar2015"]
    assert total.low.recall == pytest.approx(0.5 - 0.049, abs=0.003)
    assert total.high.recall == pytest.approx(0.5 + 0.049, abs=0.003)


some = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@given(st.lists(some, min_size=1, max_size=5), st.randoms())
def test_the_report_does_not_depend_on_the_order_of_pictures(
    kinds: list[tuple[int, int, int]], random: Random
) -> None:
    pictures = [picture(str(i), *kind) for i, kind in enumerate(kinds)]
    shuffled = random.sample(pictures, len(pictures))
    assert score(pictures, ["icdar2015"]) == score(shuffled, ["icdar2015"])


def test_no_pictures_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no pictures"):
        score([])
