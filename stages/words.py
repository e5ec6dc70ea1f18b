"""From the cores of words to whole words.

A network that must keep neighbouring words apart learns their cores: words shrunk on all sides by a
share of their height (as in PSENet, Wang et al. 2019, and DB, Liao et al. 2020). What was taken off
is put back here, in units of the core's own size, so that it holds for letters of any size.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from .grid import Grid

__all__ = ["grow", "outline", "shorter_side"]


def outline(
    heat: NDArray[np.float32], inside: NDArray[np.bool_], grid: Grid, level: float
) -> NDArray[np.float64]:
    """Return the outline of a component in pixels of the picture, between the cells.

    Where heat crosses the level between the centre of a cell inside and one outside, interpolated
    bilinearly (marching squares, Lorensen and Cline 1987): cells are large against small letters.

    Args:
        heat: [h, w], values of the whole map.
        inside: bool [h, w], cells of one component, all above the level.
        grid: where the cells lie.
        level: the threshold that made the component.

    Returns:
        [n, 2] corners x, y of its longest outline; holes are left out.
    """
    from skimage.measure import find_contours  # noqa: PLC0415  slow to import

    rows, columns = (np.flatnonzero(inside.any(axis=1 - axis)) for axis in (0, 1))
    # A ring of cells around: there the heat falls off, or the picture ends.
    padded = np.pad(np.where(inside, heat, np.minimum(heat, level)), 1)
    window = padded[rows[0] : rows[-1] + 3, columns[0] : columns[-1] + 3]
    longest = max(find_contours(window, level), key=len)
    corner = np.array([rows[0] - 1, columns[0] - 1])
    points = (longest[:-1] + corner)[:, ::-1] * grid.stride + grid.offset
    return np.asarray(np.clip(points, 0, grid.picture), np.float64)


def shorter_side(polygon: NDArray[np.float64]) -> float:
    """Return the shorter side of the rectangle with the area and perimeter of a polygon.

    For a ribbon, straight or bent, that is its width.

    Args:
        polygon: [n, 2].
    """
    shape = shapely.Polygon(polygon)
    half, area = shape.length / 2, shape.area
    return half / 2 - math.sqrt(max(0.0, half * half / 4 - area))


def grow(polygon: NDArray[np.float64], growth: float, *, rotated: bool) -> NDArray[np.float64]:
    """Return a core moved out on all sides.

    Args:
        polygon: [n, 2] outline of the core.
        growth: how far, in units of the core's shorter side; of a core that was a word shrunk by s
            of its height on all sides, s / (1 - 2 s) gives the word back.
        rotated: return the smallest rectangle at any angle, else an outline that follows bends.
    """
    if rotated:
        (x, y), sides, angle = cv2.minAreaRect(polygon.astype(np.float32))
        more = 2 * growth * min(sides)
        corners = cv2.boxPoints(((x, y), (sides[0] + more, sides[1] + more), angle))
        return np.asarray(corners, np.float64)
    distance = growth * shorter_side(polygon)
    grown = shapely.Polygon(polygon).buffer(distance, join_style="mitre", mitre_limit=2.0)
    largest = max(shapely.get_parts(grown), key=shapely.area)
    return np.asarray(shapely.get_coordinates(largest.exterior.simplify(0.1 * distance))[:-1])
