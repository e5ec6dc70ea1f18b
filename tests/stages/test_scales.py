import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from locpipe.stages.scales import only_thick

MAPS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.floats(0, 1, width=32),
)


def test_thin_bars_go_and_thick_ones_stay() -> None:
    heat = np.zeros((20, 30), np.float32)
    heat[3:5, 2:28] = 0.9  # 2 cells thick
    heat[10:14, 2:28] = 0.8  # 4
    left = only_thick(heat, 3)
    assert not left[:8].any()
    assert (left[8:] == heat[8:]).all()


def test_what_stays_keeps_its_thin_parts() -> None:
    heat = np.zeros((20, 30), np.float32)
    heat[5:12, 5:12] = 0.8
    heat[8, 12:25] = 0.8  # a tail of one cell
    assert (only_thick(heat, 3) == heat).all()


def test_a_faint_link_passes_on_no_more_than_itself() -> None:
    heat = np.zeros((9, 30), np.float32)
    heat[2:7, 2:8] = 0.9
    heat[4, 8:20] = 0.3
    heat[4, 20:28] = 0.7  # a thin word beyond the link
    left = only_thick(heat, 3)
    assert left[4, 24] == pytest.approx(0.3)


def test_a_bar_cut_by_the_border_is_not_thin_for_that() -> None:
    heat = np.zeros((20, 20), np.float32)
    heat[:2, 3:15] = 0.9
    assert (only_thick(heat, 3) == heat).all()


@given(MAPS, st.integers(0, 5))
def test_it_only_takes_away_and_twice_is_once(heat: np.ndarray, cells: int) -> None:
    once = only_thick(heat, cells)
    assert once.shape == heat.shape
    assert once.dtype == np.float32
    assert (once <= heat).all()
    np.testing.assert_array_equal(only_thick(once, cells), once)


@given(MAPS, st.integers(2, 5))
def test_the_larger_the_square_the_less_is_left(heat: np.ndarray, cells: int) -> None:
    assert (only_thick(heat, cells + 1) <= only_thick(heat, cells)).all()


@given(MAPS)
def test_one_cell_changes_nothing(heat: np.ndarray) -> None:
    assert (only_thick(heat, 1) == heat).all()
