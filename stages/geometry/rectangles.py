"""Shapes around the points of an outline: rectangles, and ribbons that follow bent words."""

import math

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_GAIN = 0.9  # a closer shape must be smaller than this share of the plainer one's area
_STATIONS = 7  # cross sections of a ribbon, with two corners each


def upright(points: Floats) -> Floats:
    """Return the corners [4, 2] of the upright rectangle around points, from the top-left."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def tilted(points: Floats) -> Floats:
    """Return the corners [4, 2] of the rectangle of least area around points, at any angle."""
    return cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(np.float64)


def smallest_rectangle(points: Floats) -> Floats:
    """Return the corners [4, 2] of the smallest rectangle around points.

    It is the upright rectangle if that is hardly larger: the angle of something nearly square or
    round is chance. The corners go clockwise from the top-left one in reading direction. Text runs
    along the longer side; in a near-square, along the more horizontal side. It runs from left to
    right, or downwards if it is vertical.
    """
    corners, straight = tilted(points), upright(points)
    if abs(_signed_area(corners)) > _LEAST_GAIN * _signed_area(straight):
        corners = straight
    if _signed_area(corners) < 0:
        corners = corners[::-1]
    edges = corners[[1, 2, 3, 0]] - corners
    lengths = np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-9)
    # A tiny preference for "downwards" decides between the two directions of a vertical edge.
    rightwards = edges @ np.array([1.0, 0.02]) / lengths
    is_long = lengths > 0.8 * lengths.max()
    first = int(np.argmax(rightwards + 4 * is_long))
    return np.concatenate([corners[first:], corners[:first]])


def _signed_area(polygon: Floats) -> float:
    """Return the area, positive where the polygon runs clockwise on the screen (y down)."""
    return cv2.contourArea(polygon.astype(np.float32), oriented=True)


def sides(rectangle: Floats) -> tuple[float, float]:
    """Return the length along the reading direction and the height, in pixels."""
    first, second, _, last = rectangle.tolist()
    return math.dist(first, second), math.dist(first, last)


def moved_out(rectangle: Floats, distance: float) -> Floats:
    """Return a rectangle [4, 2] with every side moved out by a distance in pixels."""
    length, height = (distance / max(side, 1e-9) for side in sides(rectangle))
    along, down = length * (rectangle[1] - rectangle[0]), height * (rectangle[3] - rectangle[0])
    outwards = np.array([-along - down, along - down, along + down, down - along])
    return np.asarray(rectangle + outwards)


def ribbon(points: Floats, rectangle: Floats, padding: float, margin: float) -> Floats | None:
    """Return a polygon of even height that follows a bent word.

    The result is None if the polygon is hardly smaller than the rectangle. The middle line of the
    polygon is a polynomial of fourth degree over the rectangle's length. It is fitted to both edges
    at once by least squares; each edge is half a height away.

    Args:
        points: [n, 2] on the outline, evenly spread.
        rectangle: the result of `smallest_rectangle` for the points.
        padding: how far to move out, in units of the ribbon's height.
        margin: how far to move out as well, in pixels.

    Returns:
        [14, 2] corners, as in CTW1500 (Liu et al. 2017): 7 along the upper edge in reading
        direction, then 7 back along the lower one.
    """
    length, height = sides(rectangle)
    if min(length, height) <= 0:
        return None
    # Half the length is scaled to 1: powers of pixels would be ill-conditioned.
    axes = (rectangle[[1, 3]] - rectangle[0]) / np.array([[2.0], [2 * height / length]])
    local = (points - rectangle.mean(axis=0)) @ np.linalg.inv(axes)
    powers = np.vander(local[:, 0], 5)
    parabola = np.linalg.lstsq(powers[:, 2:], local[:, 1], rcond=None)[0]
    # The rise of the middle line is the height that a ribbon saves.
    if abs(parabola[0]) < (1 - _LEAST_GAIN) * 2 * height / length:
        return None
    middle, half = _middle_line(local, powers, np.concatenate([[0, 0], parabola]))
    if _signed_area(_along(middle, local, half, 0)) > _LEAST_GAIN * 4 * height / length:
        return None
    out = padding * 2 * half + margin * 2 / length
    around = _along(middle, local, half + out, out) @ axes + rectangle.mean(axis=0)
    return around if shapely.Polygon(around).is_valid else None


def _middle_line(points: Floats, powers: Floats, middle: Floats) -> tuple[Floats, float]:
    """Return the polynomial [5] through the middle of a ribbon, and half the ribbon's height.

    `points` [n, 2] lie on its outline, and `powers` [n, 5] are the powers of their x. `middle` is a
    first fit to the points of both edges.
    """
    x, y = points.T
    for _ in range(4):
        obliquely = np.hypot(1, np.polyval(np.polyder(middle), x))
        side = np.sign(y - powers @ middle) * obliquely
        middle = np.linalg.lstsq(np.column_stack([powers, side]), y, rcond=None)[0][:-1]
    off = (y - powers @ middle) / obliquely
    middle[-1] += (off.min() + off.max()) / 2
    return middle, float(off.max() - off.min()) / 2


def _along(middle: Floats, points: Floats, half: float, out: float) -> Floats:
    """Return the corners of a ribbon that ends `out` pixels beyond the points."""
    x, _ = points.T
    ends = np.array([x.min(), x.max()])
    for end, of in ((0, np.min), (1, np.max)):
        tangent = _tangents(middle, ends)[end]
        at = np.array([ends[end], np.polyval(middle, ends[end])])
        ends[end] += of((points - at) @ tangent) * tangent[0]
    at_x = np.linspace(ends[0], ends[1], _STATIONS)
    tangents = _tangents(middle, at_x)
    centres = np.stack([at_x, np.polyval(middle, at_x)], axis=1)
    centres[0] -= out * tangents[0]
    centres[-1] += out * tangents[-1]
    down = half * np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
    return np.concatenate([centres - down, (centres + down)[::-1]])


def _tangents(middle: Floats, x: Floats) -> Floats:
    slope = np.polyval(np.polyder(middle), x)
    return np.stack([np.ones_like(x), slope], axis=1) / np.hypot(1, slope)[:, None]


def inside_picture(polygon: Floats, picture: tuple[int, int]) -> Floats:
    """Return the part of a polygon inside the picture, which starts at the same corner."""
    if (polygon >= 0).all() and (polygon <= picture).all():
        return polygon
    clipped = shapely.clip_by_rect(shapely.Polygon(polygon), 0, 0, *picture)
    largest = max(shapely.get_parts(clipped), key=shapely.area)
    corners = shapely.get_coordinates(largest.exterior)[:-1]
    if _signed_area(corners) < 0:
        corners = corners[::-1]
    nearest = int(np.argmin(np.linalg.norm(corners - polygon[0], axis=1)))
    return np.roll(corners, -nearest, axis=0)
