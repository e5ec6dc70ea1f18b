"""Which pictures a benchmark takes."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_sets import evenly, kept_out, sets_of


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_choice_is_evenly_spaced_from_the_first(total: int, count: int) -> None:
    chosen = evenly(range(total), count)
    assert len(chosen) == min(total, count)
    assert chosen[0] == 0
    gaps = {after - before for before, after in pairwise(chosen)}
    assert len(gaps) <= 2
    assert max(gaps, default=1) - min(gaps, default=1) <= 1


@given(st.integers(1, 400), st.integers(1, 100))
def test_twice_as_many_hold_those_chosen_before(total: int, count: int) -> None:
    """What a detector found on a small choice is not lost on a larger one."""
    assert set(evenly(range(total), count)) <= set(evenly(range(total), 2 * count))


def test_0_is_all_and_of_none_is_none() -> None:
    assert evenly("abc", 0) == ("a", "b", "c")
    assert evenly("", 5) == ()


def test_every_fifth_by_name_was_kept_out_of_training() -> None:
    names = [Path(f"{number:02}.jpg") for number in range(12)]
    kept = kept_out(reversed(names))
    assert [path.name for path in kept] == ["00.jpg", "05.jpg", "10.jpg"]


def test_sets_are_found_with_the_frame_and_kind_of_their_truth(tmp_path: Path) -> None:
    for name in ("icdar2013_train", "msra_td500_train"):
        (tmp_path / "text" / name / "images").mkdir(parents=True)
        (tmp_path / "text" / name / "images" / "a.jpg").touch()
    (tmp_path / "backgrounds").mkdir()
    for number in range(6):
        (tmp_path / "backgrounds" / f"{number}.jpg").touch()
    words, lines, backgrounds = sets_of(tmp_path)
    assert (words.name, words.frame, words.lines) == ("icdar2013_train", "upright", False)
    assert (lines.name, lines.frame, lines.lines) == ("msra_td500_train", "stored", True)
    assert words.has_truth
    assert not backgrounds.has_truth
    assert [path.name for path in backgrounds.pictures] == ["0.jpg", "5.jpg"]
    assert len(backgrounds.thinned(1).pictures) == 1


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="give the folder of data"):
        sets_of(tmp_path)
