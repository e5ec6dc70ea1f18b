"""Grids of cells: edges, pixels, and the way from one grid to another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.stages.geometry.grid import Grid, resample

sides = st.integers(1, 60)
strides = st.integers(1, 8)


def grid(width: int, height: int, stride: int) -> Grid:
    shape = (-(-height // stride), -(-width // stride))
    return Grid(shape, (stride, stride), (stride / 2, stride / 2), (width, height))


@given(width=sides, height=sides, stride=strides)
def test_edges_cover_the_picture(width: int, height: int, stride: int) -> None:
    one = grid(width, height, stride)
    for edges, side in ((one.left_edges, width), (one.top_edges, height)):
        assert (edges[0], edges[-1]) == (0, side)
        assert (np.diff(edges) >= 0).all()


@given(cells=sides, stride=st.floats(0.5, 8), offset=st.floats(-8, 8), width=sides, height=sides)
def test_edges_stay_in_the_picture_wherever_the_cells_lie(
    cells: int, stride: float, offset: float, width: int, height: int
) -> None:
    """As after convolutions that look beyond the border: cells may be centred outside of it."""
    one = Grid((cells, cells), (stride, stride), (offset, offset), (width, height))
    for edges, side in ((one.left_edges, width), (one.top_edges, height)):
        assert (edges[0], edges[-1]) == (0, side)
        assert (np.diff(edges) >= 0).all()


@given(width=sides, height=sides, stride=strides)
def test_every_pixel_takes_the_cell_it_lies_in(width: int, height: int, stride: int) -> None:
    one = grid(width, height, stride)
    cells = (np.arange(one.shape[0] * one.shape[1]) % 251).reshape(one.shape).astype(np.uint8)
    expected = cells.repeat(stride, axis=0).repeat(stride, axis=1)[:height, :width]
    np.testing.assert_array_equal(one.to_pixels(cells), expected)


@given(width=sides, height=sides, source=strides, target=strides)
def test_a_ramp_stays_a_ramp(width: int, height: int, source: int, target: int) -> None:
    """Bilinear interpolation is exact on a plane, between the outermost centres."""
    one, other = grid(width, height, source), grid(width, height, target)

    def plane(g: Grid) -> NDArray[np.float32]:
        y, x = np.mgrid[: g.shape[0], : g.shape[1]]
        heights = 3 * (g.offset[0] + x * g.stride[0]) + g.offset[1] + y * g.stride[1]
        return np.asarray(heights[None], np.float32)

    found, expected = resample(plane(one), one, other), plane(other)
    assert found.shape == expected.shape
    xs = other.offset[0] + np.arange(other.shape[1]) * other.stride[0]
    ys = other.offset[1] + np.arange(other.shape[0]) * other.stride[1]
    last = [one.offset[a] + (one.shape[1 - a] - 1) * one.stride[a] for a in (0, 1)]
    inner = np.ix_(
        np.array([True]),
        (ys >= one.offset[1]) & (ys <= last[1]),
        (xs >= one.offset[0]) & (xs <= last[0]),
    )
    np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-4, atol=1e-3)


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    values = np.random.default_rng(0).random((2, 3, 4), np.float32)
    assert resample(values, grid(8, 6, 2), grid(8, 6, 2)) is values


def test_cell_area_is_in_square_pixels() -> None:
    assert Grid((1, 1), (2.5, 2.0), (0, 0), (2, 2)).cell_area() == pytest.approx(5.0)
