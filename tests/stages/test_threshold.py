"""Thresholds on maps drawn by hand, and what each does on a picture with nothing on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap, heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model
from locpipe.stages.settings import ThresholdMethod
from locpipe.stages.threshold import threshold

METHODS: tuple[ThresholdMethod, ...] = ("fixed", "mean_std", "otsu", "hysteresis")
levels = st.floats(0, 1, width=32)
maps = arrays.arrays(np.float32, (7, 9), elements=st.floats(0, 1, width=32))


def as_heatmap(*values: NDArray[np.float32]) -> Heatmap:
    height, width = values[0].shape
    grid = Grid((height, width), (1.0, 1.0), (0.5, 0.5), (width, height))
    return Heatmap(np.stack(values), tuple("abcd"[: len(values)]), grid)


RIDGE = np.array(
    [
        [0.0, 0.4, 0.7, 0.4, 0.0, 0.0, 0.5],
        [0.0, 0.2, 0.2, 0.2, 0.0, 0.0, 0.5],
    ],
    np.float32,
)


def test_fixed_keeps_what_is_above() -> None:
    assert threshold(as_heatmap(RIDGE), value=0.4).values[0].astype(int).tolist() == [
        [0, 0, 1, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [
        (0.3, 0.6, [[0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]]),
        (0.1, 0.6, [[0, 1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0]]),
        (0.3, 0.45, [[0, 1, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1]]),
    ],
)
def test_hysteresis_keeps_what_is_joined_to_something_hot(
    low: float, high: float, kept: list[list[int]]
) -> None:
    found = threshold(as_heatmap(RIDGE), method="hysteresis", low=low, high=high)
    assert found.values[0].astype(int).tolist() == kept


def test_mean_std_is_the_authors_rule() -> None:
    found = threshold(as_heatmap(RIDGE), method="mean_std", k=1.5)
    np.testing.assert_array_equal(found.values[0], RIDGE.mean() + 1.5 * RIDGE.std() < RIDGE)


def test_otsu_parts_two_kinds() -> None:
    values = np.array([[0.1, 0.12, 0.11, 0.9, 0.88, 0.1]], np.float32)
    found = threshold(as_heatmap(values), method="otsu")
    assert found.values[0].astype(int).tolist() == [[0, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize("method", METHODS)
def test_every_label_has_a_threshold_of_its_own(method: ThresholdMethod) -> None:
    both = threshold(as_heatmap(RIDGE, RIDGE * np.float32(0.1)), method=method)
    alone = [threshold(as_heatmap(v), method=method) for v in (RIDGE, RIDGE * np.float32(0.1))]
    assert both.labels == ("a", "b")
    np.testing.assert_array_equal(both.values, np.concatenate([one.values for one in alone]))


@given(values=maps, low=levels, high=levels)
def test_fixed_and_hysteresis_are_monotone(
    values: NDArray[np.float32], low: float, high: float
) -> None:
    low, high = sorted((low, high))
    heat = as_heatmap(values)
    more = threshold(heat, value=low).values
    fewer = threshold(heat, value=high).values
    between = threshold(heat, method="hysteresis", low=low, high=high).values
    assert not (fewer & ~more).any()
    assert not (fewer & ~between).any()
    assert not (between & ~more).any()


@given(values=maps, k=st.floats(0, 3), more=st.floats(0, 3))
def test_mean_std_is_monotone(values: NDArray[np.float32], k: float, more: float) -> None:
    heat = as_heatmap(values)
    wide = threshold(heat, method="mean_std", k=k).values
    narrow = threshold(heat, method="mean_std", k=k + more).values
    assert not (narrow & ~wide).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_map_lights_up_with_none(method: ThresholdMethod) -> None:
    assert not threshold(as_heatmap(np.full((5, 5), 0.1, np.float32)), method=method).values.any()


@pytest.mark.parametrize(
    ("method", "lights_up"),
    [("fixed", False), ("hysteresis", False), ("mean_std", True), ("otsu", True)],
)
def test_noise_on_a_blank_wall_lights_up_what_is_relative_to_the_picture(
    method: ThresholdMethod, *, lights_up: bool, digits: Model
) -> None:
    """A wall with the noise of a camera: grey 180, standard deviation 2."""
    noise = np.random.default_rng(0).normal(180, 2, (120, 160, 1)).repeat(3, axis=2)
    wall = infer(digits, noise.clip(0, 255).astype(np.uint8))
    heat = heatmap(digits, [wall], labels=["text"])
    assert threshold(heat, method=method).values.any() == lights_up


@pytest.mark.parametrize("level", [0, 90, 255])
def test_the_default_leaves_a_blank_picture_dark(level: int, digits: Model) -> None:
    blank = np.full((120, 160, 3), level, np.uint8)
    passes = [infer(digits, blank), infer(digits, blank, polarity="inverted")]
    assert not threshold(heatmap(digits, passes, labels=["text"])).values.any()
