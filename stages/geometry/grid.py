"""The grid of cells of a map, and interpolation from one grid to another."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..scratch import bands, forget, zeros


@dataclass(frozen=True)
class Grid:
    """Cells of a map in the frame of the upright picture.

    Cell (i, j) is centred on pixel position x = offset[0] + j * stride[0],
    y = offset[1] + i * stride[1] (origin at the outer corner of the top-left pixel).

    Attributes:
        shape: cells, (h, w).
        stride: pixels from one cell to the next, (x, y).
        offset: position of cell (0, 0)'s centre, (x, y).
        picture: width and height of the picture in pixels.
    """

    shape: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]
    picture: tuple[int, int]

    @classmethod
    def of_pixels(cls, picture: tuple[int, int]) -> "Grid":
        """Return the grid whose cells are the pixels of a picture of that width and height."""
        return cls(picture[::-1], (1, 1), (0.5, 0.5), picture)

    @cached_property
    def left_edges(self) -> NDArray[np.float64]:
        """Return x of the left edge of each column and the right edge of the last one, [w + 1].

        The outermost edges are the picture's own.
        """
        return self._edges(axis=0)

    @cached_property
    def top_edges(self) -> NDArray[np.float64]:
        """Return y of the top edge of each row and the bottom edge of the last one, [h + 1]."""
        return self._edges(axis=1)

    def cell_area(self) -> float:
        """Return the area of a cell in square pixels of the picture."""
        return self.stride[0] * self.stride[1]

    def to_pixels(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a map [h, w] at picture size [H, W]; each pixel has the value of its cell."""
        if self == Grid.of_pixels(self.picture):
            return values
        below = _cell_of_pixels(self.top_edges, self.picture[1])
        columns = _cell_of_pixels(self.left_edges, self.picture[0])
        pixels: NDArray[np.uint8] = zeros((len(below), len(columns)), np.uint8)
        for rows in bands(len(below)):
            np.take(np.take(values, below[rows], axis=0), columns, axis=1, out=pixels[rows])
            forget(pixels)
        return pixels

    def _edges(self, axis: int) -> NDArray[np.float64]:
        count = self.shape[1 - axis]
        edges = np.asarray(
            self.offset[axis] + (np.arange(count + 1) - 0.5) * self.stride[axis], np.float64
        )
        np.clip(edges, 0, self.picture[axis], out=edges)
        edges[0], edges[-1] = 0, self.picture[axis]
        return edges


def resample(values: NDArray[np.float32], source: Grid, target: Grid) -> NDArray[np.float32]:
    """Return maps [K, h, w] on `source`, bilinearly interpolated at the cells of `target`.

    Beyond the outermost centres, the outermost value is repeated.
    """
    if source == target:
        return values
    for axis, dimension in ((1, 1), (0, 2)):
        values = _interpolate(values, source, target, axis, dimension)
    return values


def _interpolate(
    values: NDArray[np.float32], source: Grid, target: Grid, axis: int, dimension: int
) -> NDArray[np.float32]:
    centres = target.offset[axis] + np.arange(target.shape[1 - axis]) * target.stride[axis]
    last = source.shape[1 - axis] - 1
    position = np.clip((centres - source.offset[axis]) / source.stride[axis], 0, last)
    below = np.minimum(position.astype(np.intp), max(last - 1, 0))
    above = np.minimum(below + 1, last)
    share = (position - below).astype(np.float32).reshape((-1, 1) if dimension == 1 else (-1,))
    # In place: new memory would cost more than the arithmetic.
    between: NDArray[np.float32] = np.take(values, below, axis=dimension)
    step = np.take(values, above, axis=dimension)
    step -= between
    step *= share
    between += step
    return between


def _cell_of_pixels(edges: NDArray[np.float64], pixels: int) -> NDArray[np.intp]:
    centres = np.arange(pixels) + 0.5
    cells = np.searchsorted(edges, centres, side="right") - 1
    return np.clip(cells, 0, len(edges) - 2)
