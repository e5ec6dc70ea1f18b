"""Cutting shapes drawn by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from locpipe.stages.geometry.split import cut_necks


def bars(bridge: int, *, gap: int = 4, stacked: bool = False) -> NDArray[np.bool_]:
    """Two bars of 30 x 10 cells side by side, and a bridge of some height between them."""
    cells = np.zeros((20, 68 + gap), np.bool_)
    cells[5:15, 4:34] = True
    cells[5:15, 34 + gap : 64 + gap] = True
    cells[10 - bridge // 2 : 10 + bridge // 2, 34 : 34 + gap] = True
    return cells.T if stacked else cells


def count(cells: NDArray[np.bool_]) -> int:
    return cv2.connectedComponents(cells.astype(np.uint8))[0] - 1


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize(("bridge", "parts"), [(0, 2), (2, 2), (4, 2), (8, 1)])
def test_bridges_thinner_than_half_are_cut(bridge: int, parts: int, *, stacked: bool) -> None:
    cells = bars(bridge, stacked=stacked)
    cut = cut_necks(cells, 0.5)
    assert count(cut) == parts
    assert cut.sum() >= cells.sum() - 30, "only a line of cells goes"


def test_the_cut_runs_through_the_bridge() -> None:
    cells = bars(4)
    gone = cells & ~cut_necks(cells, 0.5)
    assert gone.any()
    assert not gone[:, :32].any()
    assert not gone[:, 40:].any()


def test_a_straight_word_stays_whole() -> None:
    cells = np.zeros((12, 60), np.bool_)
    cells[3:9, 2:58] = True
    assert (cut_necks(cells, 0.9) == cells).all()


def test_what_hangs_on_is_no_part() -> None:
    """A dot of 3 cells on a thread from a bar 12 cells high."""
    cells = np.zeros((30, 60), np.bool_)
    cells[14:26, 4:56] = True
    cells[4:7, 20:23] = True
    cells[7:14, 21] = True
    assert count(cut_necks(cells, 0.1)) == 1


@settings(max_examples=50)
@given(arrays.arrays(np.bool_, (8, 9)), st.floats(0.01, 1))
def test_no_component_is_lost_and_nothing_is_added(cells: NDArray[np.bool_], share: float) -> None:
    cut = cut_necks(cells, share)
    assert not (cut & ~cells).any()
    marks = cv2.connectedComponents(cells.astype(np.uint8))[1]
    assert set(np.unique(marks[cut])) == set(np.unique(marks[cells]))
