"""Outlines between the cells of maps whose edges are known."""

import tracemalloc
from random import Random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from locpipe.stages.geometry.contours import outlines
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.scratch import BAND

GRID = Grid((60, 80), (4.0, 4.0), (2.0, 2.0), (320, 240))
SMALL = Grid((9, 7), (4.0, 4.0), (2.0, 2.0), (27, 35))  # ends within its last cells


def bounds(points: NDArray[np.float64]) -> list[float]:
    return [*points.min(axis=0), *points.max(axis=0)]


def one(
    inside: NDArray[np.bool_], heat: NDArray[np.float32], grid: Grid, level: float | None = 0.5
) -> NDArray[np.float64]:
    (points,) = outlines(inside.astype(np.int32), heat, grid, level)
    return points


@settings(max_examples=50)
@given(st.floats(60, 260), st.floats(60, 180), st.floats(14, 50), st.floats(14, 50))
def test_an_outline_lies_where_heat_crosses_the_threshold(
    x: float, y: float, width: float, height: float
) -> None:
    """Heat that falls off linearly from an edge is one half on it, wherever the cells lie."""
    across, down = np.meshgrid(2 + 4 * np.arange(80), 2 + 4 * np.arange(60))
    depth = np.minimum(width / 2 - abs(across - x), height / 2 - abs(down - y))
    heat = np.clip(0.5 + depth / 16, 0, 1).astype(np.float32)
    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    assert bounds(one(heat > 0.5, heat, GRID)) == pytest.approx(expected, abs=1e-3)


def test_without_a_slope_an_outline_is_the_edge_of_the_cells() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[10:14, 20:30] = 1
    assert bounds(one(heat > 0, heat, GRID)) == [80, 40, 120, 56]
    assert bounds(one(heat > 0, np.ones_like(heat), GRID)) == [80, 40, 120, 56]


def test_without_a_level_an_outline_is_the_edge_of_the_cells() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[10:14, 20:30] = 0.9
    assert bounds(one(heat > 0, heat, GRID, None)) == [80, 40, 120, 56]
    assert bounds(one(heat > 0, heat, GRID, 0.09))[0] == pytest.approx(82 - 4 * 0.9)


def test_a_cell_has_a_point_on_each_of_its_four_sides() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[10, 20] = 1
    for level, away in ((0.5, 2), (0.25, 3)):
        points = one(heat > 0, heat, GRID, level)
        expected = [[82 - away, 42], [82, 42 - away], [82, 42 + away], [82 + away, 42]]
        assert sorted(points.tolist()) == expected


def test_a_hot_outline_lies_further_out_than_a_cool_one() -> None:
    """Both above the same threshold: of the hotter the next cell is nearer to it."""
    heat = np.full((60, 80), 0.1, np.float32)
    heat[10:14, 20:30] = 0.55
    heat[30:34, 20:30] = 0.9
    marks = (heat > 0.5).astype(np.int32)
    marks[30:] *= 2
    cool, hot = (bounds(points) for points in outlines(marks, heat, GRID, 0.5))
    assert cool[2] - cool[0] < hot[2] - hot[0]


def test_at_the_border_of_the_picture_it_lies_on_the_border() -> None:
    heat = np.ones(SMALL.shape, np.float32)
    assert bounds(one(heat > 0, heat, SMALL)) == [0, 0, 27, 35]


def test_other_components_do_not_matter() -> None:
    """Neither a hotter one nor one that is hardly above the level, nor what is cold around them."""
    heat = np.full((60, 80), 0.1, np.float32)
    heat[10:14, 10:20] = 0.7
    marks = (heat > 0.5).astype(np.int32)
    alone = outlines(marks, heat, GRID, 0.5)[0]
    for row, cells, around in ((20, 1.0, 0.0), (40, 0.51, 0.49)):
        heat[row - 2 : row + 6, 8:22] = around
        heat[row : row + 4, 10:20] = cells
    marks = cv2.connectedComponents((heat > 0.5).astype(np.uint8))[1].astype(np.int32)
    assert marks.max() == 3
    np.testing.assert_array_equal(outlines(marks, heat, GRID, 0.5)[0], alone)
    # The level lies a third of the way down from 0.7 to 0.1.
    assert bounds(alone) == pytest.approx([42 - 4 / 3, 42 - 4 / 3, 78 + 4 / 3, 54 + 4 / 3])


def test_no_components_have_no_outlines() -> None:
    assert outlines(np.zeros((9, 7), np.int32), np.zeros((9, 7), np.float32), SMALL, 0.5) == []


@settings(max_examples=50)
@given(
    arrays.arrays(np.bool_, (9, 7)),
    st.sampled_from([4, 8]),
    st.none() | st.floats(0, 1),
    st.randoms(use_true_random=False),
)
def test_outlines_stay_within_a_cell_of_their_component(
    inside: NDArray[np.bool_], connectivity: int, level: float | None, random: Random
) -> None:
    """Also where the heat has nothing to do with the components."""
    count, marks = cv2.connectedComponents(inside.astype(np.uint8), connectivity=connectivity)
    heat = np.random.default_rng(random.randrange(1000)).random((9, 7), np.float32)
    found = outlines(np.asarray(marks, np.int32), heat, SMALL, level)
    assert len(found) == count - 1
    for mark, points in enumerate(found, 1):
        rows, columns = np.nonzero(marks == mark)
        left, top, right, bottom = bounds(points)
        assert max(0, 4 * columns.min() - 2) <= left <= 4 * columns.min() + 2
        assert max(0, 4 * rows.min() - 2) <= top <= 4 * rows.min() + 2
        assert 4 * columns.max() + 2 <= right <= min(27, 4 * columns.max() + 6)
        assert 4 * rows.max() + 2 <= bottom <= min(35, 4 * rows.max() + 6)


@pytest.mark.parametrize("top", [0, 3, BAND - 9, BAND - 1, 2 * BAND - 4])
def test_an_outline_is_the_same_wherever_it_lies_in_a_high_map(top: int) -> None:
    """Rows are worked on in bands."""
    heat = np.zeros((2 * BAND + 40, 30), np.float32)
    heat[top + 1 : top + 11, 8:20] = np.random.default_rng(0).uniform(0.3, 0.9, (10, 12))
    heat[top + 2 : top + 10, 9:19] += 0.3
    grid = Grid(heat.shape, (4.0, 4.0), (2.0, 2.0), (120, 4 * len(heat)))
    alone = Grid((12, 30), (4.0, 4.0), (2.0, 2.0), (120, 48))
    part = heat[top : top + 12]
    expected = one(part > 0.5, part, alone) + np.array((0, 4 * top))
    np.testing.assert_allclose(
        sorted(one(heat > 0.5, heat, grid).tolist()), sorted(expected.tolist())
    )


def test_outlines_of_a_large_map_take_less_memory_than_the_map() -> None:
    heat = np.zeros((1500, 1500), np.float32)
    heat[700:800, ::100] = 1
    marks = cv2.connectedComponents((heat > 0).view(np.uint8))[1].astype(np.int32)
    tracemalloc.start()
    found = outlines(marks, heat, Grid((1500, 1500), (4.0, 4.0), (2.0, 2.0), (6000, 6000)), 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 15
    assert peak < heat.nbytes
