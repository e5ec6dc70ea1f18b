"""The table of where the horse is: what is kept, what is compared, how it is written."""

from pathlib import Path

import numpy as np
import pytest
from objects import Kept
from objects_table import Score, document, groups, groups_of_few


def score(name: str, seconds: float = 0.5, *, pixels: bool = True) -> Score:
    ious = np.linspace(1, 0, 512).reshape(2, 256)
    return Score(name, ious, np.ones((2, 256)) if pixels else None, 1.0, seconds)


@pytest.mark.parametrize("pixels", [True, False])
def test_a_score_is_measured_once(tmp_path: Path, pixels: bool) -> None:  # noqa: FBT001  a parameter of the test
    kept = Kept(tmp_path, None)
    first = kept.score("a.jpg", "CAM", lambda: score("a.jpg", pixels=pixels))
    again = kept.score("a.jpg", "CAM", lambda: pytest.fail("measured again"))
    assert first is not None
    assert again is not None
    assert (again.name, again.hit, again.seconds) == (first.name, first.hit, first.seconds)
    np.testing.assert_array_equal(again.ious, first.ious)
    assert (again.pixels is None) == (first.pixels is None)
    assert [path.name for path in (tmp_path / "CAM").iterdir()] == ["a.jpg.npz"]


def test_only_one_method_is_measured_if_one_is_named(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "Score-CAM")
    assert kept.score("a.jpg", "CAM", lambda: pytest.fail("not asked for")) is None
    assert kept.score("a.jpg", "Score-CAM", lambda: score("a.jpg")) is not None


def test_methods_are_compared_on_the_same_pictures() -> None:
    names = [f"{number}.jpg" for number in range(6)]
    everywhere = ("whole picture", "CAM", "class, sample", "class, labels")
    scores = {method: [score(name) for name in names] for method in everywhere}
    scores["Grad-CAM"] = [score("1.jpg"), score("3.jpg")]
    compared = dict(groups(scores))
    everything, halves = compared.values()
    assert "class, labels" not in everything
    assert {len(some) for some in everything.values()} == {6}
    assert {one.name for one in halves["class, labels"]} == {"1.jpg", "3.jpg", "5.jpg"}
    scores["Score-CAM"] = [score("1.jpg")]
    two, one = dict(groups_of_few(scores)).values()
    assert {*two} == {*everywhere, "Grad-CAM"}
    assert {score.name for some in two.values() for score in some} == {"1.jpg", "3.jpg"}
    assert {*one} == {*two, "Score-CAM"}
    assert {len(some) for some in one.values()} == {1}


def test_the_best_comes_first_and_has_its_pictures_beside_it() -> None:
    row = {"pictures": 3, "at": [100.0, 50.0, 0.0], "PxAP": np.nan, "pointing": 9, "seconds": 0.2}
    rows = {"CAM": {**row, "MaxBoxAccV2": 50.0}, "Grad-CAM": {**row, "MaxBoxAccV2": 60.0}}
    lines = [line for line in document({"horse": rows}) if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines] == ["| method", "| Grad-CAM", "| CAM"]
    assert lines[1] == "| Grad-CAM | 3 | 60.0 | 100 / 50 / 0 |  | 9.0 | 0.20 | yes |"
