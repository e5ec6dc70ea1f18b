import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from locpipe.pipeline.evaluation.wsol.levels import levels

heat = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(0, 1))


def test_heat_becomes_levels_of_255() -> None:
    row = np.array([[0, 0.25, 0.5, 1]])
    assert levels(row, "none").tolist() == [[0, 64, 128, 255]]


def test_minmax_stretches_any_range() -> None:
    row = np.array([[-3.0, -1.0, 1.0]])
    assert levels(row, "minmax").tolist() == [[0, 128, 255]]
    assert levels(np.array([[10, 30, 20]], np.uint8), "minmax").tolist() == [[0, 255, 128]]


def test_a_constant_map_is_at_level_0() -> None:
    assert levels(np.full((2, 3), 0.7), "minmax").tolist() == [[0] * 3] * 2


def test_written_heat_stays_as_it_is() -> None:
    written = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(levels(written, "none"), written)


@given(heat)
def test_order_is_kept(values: np.ndarray) -> None:
    level = levels(values, "minmax").ravel()
    order = np.argsort(values.ravel())
    assert (np.diff(level[order].astype(int)) >= 0).all()


@given(heat, st.floats(0.5, 100), st.floats(-10, 10))
def test_minmax_takes_no_notice_of_scale_and_offset(
    values: np.ndarray, scale: float, offset: float
) -> None:
    if np.ptp(values) < 1e-3:  # then rounding is all there is
        values = np.zeros_like(values)
    moved = levels(values * scale + offset, "minmax").astype(int)
    assert abs(moved - levels(values, "minmax")).max() <= (np.ptp(values) > 0)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 2, 2)), np.zeros((0, 3))])
def test_other_shapes_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite array"):
        levels(bad, "minmax")


def test_what_is_no_heat_is_refused() -> None:
    with pytest.raises(ValueError, match="finite array"):
        levels(np.array([[0.0, np.nan]]), "minmax")
    with pytest.raises(ValueError, match=r"heat must lie in 0\.\.1, this in 0\.\.7; use minmax"):
        levels(np.array([[0.0, 7.0]]), "none")
