"""Boxes cut out of a page, turned so that their text runs to the right."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from ...stages.geometry.rectangles import sides, smallest_rectangle

Quad = NDArray[np.float64]
"""Corners [4, 2] in pixels: top-left, top-right, bottom-right, bottom-left, as the text is read."""

_LEAST_AREA = 1e-3  # square pixels
_ROUNDED = 0.05  # pixels: the JSON has hundredths
_STRETCH = 4.0  # largest ratio of two opposite sides in perspective
_LEAST_NEAR = 0.1  # least third coordinate of a point; 1 at the first corner
_LEAST_TURN = 0.1  # least sine of the angle at a corner


@dataclass(frozen=True, eq=False)
class Crop:
    """The pixels of a box, turned upright.

    Attributes:
        pixels: uint8 [h, w, 3], sRGB.
        to_page: [3, 3], the homography from the crop to the page. Multiply it by (x, y, 1) and
            divide by the third coordinate. Both frames have their origin at the outer corner of the
            top-left pixel. The last row is 0 0 1 unless the box shows perspective.
        curved: whether the box was straightened along its sides. Then `to_page` is the nearest
            affine map.
    """

    pixels: NDArray[np.uint8]
    to_page: NDArray[np.float64]
    curved: bool


def cut(
    rgb: NDArray[np.uint8], polygon: Sequence[tuple[float, float]], *, padding: float = 0.0
) -> Crop:
    """Cut a box out of a page, correcting rotation, perspective and curvature.

    A convex polygon of more than four corners counts as a rectangle cut off by the border of the
    page. A concave one with an even number of corners counts as a curved word. The first half of
    its corners runs along the top, the second half back along the bottom.

    Args:
        rgb: uint8 [H, W, 3], the upright page.
        polygon: corners in pixels, clockwise from the top-left one in reading direction.
        padding: added on every side, in heights of the box. Beyond the page, the outermost pixels
            are repeated.
    """
    corners = np.asarray(polygon, np.float64)
    if is_curved(corners):
        top, bottom = np.split(corners, 2)
        return straightened(rgb, top, bottom[::-1], padding)
    whole, to_page = _rectified(quad_of(polygon), padding)
    ends = np.array([(x, y, 1.0) for x in (0, whole[0]) for y in (0, whole[1])])
    if (ends @ to_page[2] < _LEAST_NEAR).any():  # the padded crop would reach beyond the horizon
        whole, to_page = _rectified(_smallest_rectangle(corners), padding)
    # The origin of OpenCV is the centre of the first pixel.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    between_centres = np.linalg.inv(half) @ to_page @ half
    mode = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpPerspective(
        rgb, between_centres, whole, flags=mode, borderMode=cv2.BORDER_REPLICATE
    )
    return Crop(np.asarray(pixels, np.uint8), to_page, curved=False)


def _rectified(quad: Quad, padding: float) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """Return width and height of the crop of a quadrangle, and the map [3, 3] back to the page."""
    width, height = _size(quad)
    pad = padding * height
    whole = (max(1, round(width + 2 * pad)), max(1, round(height + 2 * pad)))
    inner = np.array(
        [[pad, pad], [pad + width, pad], [pad + width, pad + height], [pad, pad + height]]
    )
    scale = np.array(whole) / (width + 2 * pad, height + 2 * pad)
    return whole, _transform(inner * scale, quad)


def quad_of(polygon: Sequence[tuple[float, float]]) -> Quad:
    """Return four corners: those of the polygon, or of the smallest rectangle around it.

    It is the rectangle if the polygon has more than four corners, or is no perspective view of a
    rectangle. Text then runs along the longer side, as in the boxes stage.
    """
    corners = np.asarray(polygon, np.float64)
    if len(corners) == 4 and _is_convex(corners) and _is_like_a_rectangle(corners):
        return corners
    return _smallest_rectangle(corners)


def _smallest_rectangle(corners: NDArray[np.float64]) -> Quad:
    rectangle = smallest_rectangle(corners)
    if min(sides(rectangle)) >= 1:
        return rectangle
    a_pixel_wide = [corners + np.array([dx, dy]) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)]
    return smallest_rectangle(np.concatenate(a_pixel_wide))


def _size(quad: Quad) -> tuple[float, float]:
    lengths = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    width, height = np.maximum(1.0, (lengths[:2] + lengths[2:]) / 2).tolist()
    return width, height


def _transform(source: Quad, target: Quad) -> NDArray[np.float64]:
    """Return the homography [3, 3], last number 1, from an upright rectangle to a quadrangle."""
    if not np.allclose(target[0] + target[2], target[1] + target[3], atol=_ROUNDED):
        perspective = cv2.getPerspectiveTransform(
            source.astype(np.float32), target.astype(np.float32)
        )
        return np.asarray(perspective / perspective[2, 2])
    width, height = source[2] - source[0]
    columns = [(target[1] - target[0]) / width, (target[3] - target[0]) / height]
    linear = np.stack(columns, axis=1)
    return np.block([[linear, (target[0] - linear @ source[0])[:, None]], [np.array([0, 0, 1])]])


def straightened(
    rgb: NDArray[np.uint8], top: NDArray[np.float64], bottom: NDArray[np.float64], padding: float
) -> Crop:
    """Straighten a ribbon piece by piece; a piece lies between two neighbouring corners of the top.

    Args:
        rgb: uint8 [H, W, 3], the upright page.
        top: corners [n, 2] of the upper edge in pixels, in reading direction, n at least 2.
        bottom: corners [n, 2] of the lower edge, in the same direction.
        padding: added on every side, in mean heights of the ribbon.
    """
    half = len(top)
    middle = (top + bottom) / 2
    steps: NDArray[np.float64] = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    along: NDArray[np.float64] = np.insert(np.cumsum(steps), 0, 0.0)
    length = max(1.0, float(along[-1]))
    height = max(1.0, float(np.linalg.norm(bottom - top, axis=1).mean()))
    pad = padding * height
    x = np.arange(max(1, round(length + 2 * pad)), dtype=np.float64) + 0.5 - pad
    y = np.arange(max(1, round(height + 2 * pad)), dtype=np.float64) + 0.5 - pad
    upper, lower = _along(along, top, x), _along(along, bottom, x)
    share = (y / height)[:, None, None]
    points = upper[None] * (1 - share) + lower[None] * share
    # The affine map is a fit by least squares: half a circle has no exact one.
    straight = np.concatenate([np.stack([along, np.full(half, y)], axis=1) for y in (0.0, height)])
    to_page = _nearest_affine(straight + pad, np.concatenate([top, bottom]))
    return Crop(_sampled(rgb, points), to_page, curved=True)


def _sampled(rgb: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the colours at points [h, w, 2] of a page, uint8 [h, w, 3]."""
    # Only the part around the points: OpenCV counts the pixels of its source in 16 bits.
    size = np.array([rgb.shape[1], rgb.shape[0]])
    first = np.clip(np.floor(points.min(axis=(0, 1))).astype(int) - 1, 0, size - 1)
    last = np.clip(np.ceil(points.max(axis=(0, 1))).astype(int) + 1, first + 1, size)
    part = rgb[first[1] : last[1], first[0] : last[0]]
    x, y = np.moveaxis((points - first - 0.5).astype(np.float32), -1, 0)
    colours = cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(colours, np.uint8)


def _along(
    position: NDArray[np.float64], line: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return points [n, 2] at positions along a polyline, which is straight beyond its ends."""
    position = np.maximum.accumulate(position + 1e-9 * np.arange(len(position)))
    piece = np.clip(np.searchsorted(position, wanted) - 1, 0, len(position) - 2)
    span = np.maximum(position[piece + 1] - position[piece], 1e-6)
    share = ((wanted - position[piece]) / span)[:, None]
    return np.asarray(line[piece] * (1 - share) + line[piece + 1] * share)


def _nearest_affine(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the map [3, 3] from points [n, 2] to others [n, 2] with the least squared error."""
    known = np.column_stack([source, np.ones(len(source))])
    solution = np.linalg.lstsq(known, target, rcond=None)[0]
    return np.vstack([solution.T, [0, 0, 1]])


def is_curved(corners: NDArray[np.float64]) -> bool:
    """Say whether a polygon is concave and all pieces between top and bottom run rightwards."""
    if len(corners) < 6 or len(corners) % 2 or not _is_simple(corners) or _is_convex(corners):
        return False
    top, bottom = corners[: len(corners) // 2], corners[len(corners) // 2 :][::-1]
    strips = np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1)
    return all(_signed_area(strip) > _LEAST_AREA for strip in strips)


def _is_like_a_rectangle(corners: Quad) -> bool:
    lengths = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    pairs = (lengths[[0, 2]], lengths[[1, 3]])
    alike = all(pair.min() >= 0.5 and pair.max() <= _STRETCH * pair.min() for pair in pairs)
    turns, products = _turns(corners)
    # A corner on the line between its neighbours leaves a triangle.
    return alike and bool((turns >= _LEAST_TURN * products).all())


def _is_convex(corners: NDArray[np.float64]) -> bool:
    """Say whether a polygon is clockwise on the screen (y down), convex and not flat."""
    if not _is_simple(corners) or _signed_area(corners) < _LEAST_AREA:
        return False
    turns, products = _turns(corners)
    # The JSON rounds to hundredths of a pixel, which bends straight lines.
    return bool((turns >= -0.02 * np.maximum(products, 1.0)).all())


def _turns(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cross products [N] of each edge and the next, and products of lengths."""
    edges = np.roll(corners, -1, axis=0) - corners
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    return turns, np.linalg.norm(edges, axis=1) * np.linalg.norm(following, axis=1)


def _is_simple(corners: NDArray[np.float64]) -> bool:
    return bool(Polygon(corners).is_valid)


def _signed_area(polygon: NDArray[np.float64]) -> float:
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)
