"""Boxes that are kept by size, shape, score and place."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from locpipe.stages.geometry.keep import rejected
from locpipe.stages.settings import KeepSettings

# 100 x 20, 30 x 30, and 60 x 10 turned so that it runs downwards.
RECTANGLES = np.array(
    [
        [[0, 0], [100, 0], [100, 20], [0, 20]],
        [[200, 0], [230, 0], [230, 30], [200, 30]],
        [[310, 100], [310, 160], [300, 160], [300, 100]],
    ],
    np.float64,
)


@pytest.mark.parametrize(
    ("key", "value", "gone"),
    [
        ("min_height", 15, [2]),
        ("max_height", 25, [1]),
        ("min_area", 700, [2]),
        ("max_area", 1500, [0]),
        ("min_aspect", 2, [1]),
        ("max_aspect", 5.5, [2]),
        ("min_score", 0.5, [1, 2]),
        ("inside", (0, 0, 250, 50), [2]),
    ],
)
def test_each_key_turns_away_what_it_says(key: str, value: Any, gone: list[int]) -> None:
    found, counts = rejected(RECTANGLES, [0.9, 0.4, 0.3], KeepSettings(**{key: value}))
    assert np.flatnonzero(found).tolist() == gone
    assert counts == {key: len(gone)}


def test_without_keys_all_are_kept_and_a_box_counts_once() -> None:
    found, counts = rejected(RECTANGLES, [0.9] * 3, KeepSettings())
    assert not found.any()
    assert counts == {}
    _, counts = rejected(RECTANGLES, [0.1] * 3, KeepSettings(min_height=15, min_score=0.5))
    assert counts == {"min_height": 1, "min_score": 2}


@pytest.mark.parametrize(
    "keys",
    [
        {"min_contrast": 101.0},
        {"min_height": 9.0, "max_height": 5.0},
        {"inside": (10, 0, 5, 20)},
        {"min_heigth": 3.0},
    ],
)
def test_ranges_that_are_empty_and_unknown_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KeepSettings(**keys)
