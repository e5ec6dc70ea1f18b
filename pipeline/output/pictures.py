"""Pictures of a result: the mask, the heatmap, and an overlay to look at."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.geometry.box import Box
from ...stages.scratch import bands, forget, lies_in_file, zeros

if TYPE_CHECKING:
    from ...stages.localize import Result

_LONGEST_SIDE = 1280  # of an overlay: it is for looking at
_BOX = (0, 255, 102)  # green: in no colour map used here, and rare in photographs
_HEAT_OPACITY = 0.65


def mask_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the mask at picture size, uint8 [H, W].

    One label: 0 or 255. Several: 0, or 1 + index of the hottest label of those found there.
    """
    mask, grid = result.mask.values, result.mask.grid
    # Filled boxes are of pixels, one label each.
    heat = result.heatmap.values if grid == result.heatmap.grid else mask
    cells: NDArray[np.uint8] = zeros(grid.shape, np.uint8)
    for rows in bands(len(cells)):
        cells[rows] = _numbered(mask[:, rows], heat[:, rows])
        forget(mask)
        forget(cells)
    return grid.to_pixels(cells)


def _numbered(mask: NDArray[np.bool_], heat: NDArray[np.generic]) -> NDArray[np.uint8]:
    if len(mask) == 1:
        return np.asarray(mask[0].view(np.uint8) * np.uint8(255))
    hottest = np.where(mask, heat, -1).argmax(axis=0).astype(np.uint8)
    return np.where(mask.any(axis=0), hottest + 1, 0).astype(np.uint8)


def heatmap_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the largest heat of any label at picture size, uint8 [H, W], 255 = certain."""
    return result.heatmap.grid.to_pixels(_heat_levels(result))


def overlay_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the picture under its heat and boxes, uint8 [h, w, 3] RGB, longest side 1280.

    The hotter a place, the less of the picture shows through, in the colours of "inferno".
    """
    picture = reduced(result.image.rgb, _LONGEST_SIDE)
    size = picture.shape[1], picture.shape[0]
    scale = min(1.0, _LONGEST_SIDE / max(result.image.rgb.shape[:2]))
    heat = cv2.resize(_heat_levels(result), size, interpolation=cv2.INTER_LINEAR)
    colours, transparency = _blend_tables()
    faded = cv2.multiply(picture, cv2.LUT(cv2.merge([heat] * 3), transparency), scale=1 / 255)
    overlay: NDArray[np.uint8] = np.asarray(
        cv2.add(faded, cv2.LUT(cv2.merge([heat] * 3), colours)), np.uint8
    )
    for box in result.boxes.items:
        _draw(overlay, box, scale)
    return overlay


def reduced(rgb: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return a picture uint8 [H, W, 3] with so many pixels at most along its longest side."""
    scale = min(1.0, longest / max(rgb.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in (rgb.shape[1], rgb.shape[0]))
    small = cv2.resize(_by_bands(rgb, scale), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _by_bands(rgb: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture that lies in a file some whole times smaller, band by band; others unchanged."""
    if not lies_in_file(rgb):
        return rgb
    times = max(1, int(0.5 / scale))
    height, width = (side // times for side in rgb.shape[:2])
    small = np.empty((height, width, 3), np.uint8)
    for rows in bands(height):
        band = np.ascontiguousarray(rgb[rows.start * times : rows.stop * times, : width * times])
        size = width, rows.stop - rows.start
        cv2.resize(band, size, dst=small[rows], interpolation=cv2.INTER_AREA)
        forget(rgb)
    return small


@cache
def _blend_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return for 256 levels of heat the colour times its opacity, and 255 minus the opacity."""
    levels = np.arange(256, dtype=np.uint8)[None]
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    opacity = np.repeat(levels[..., None], 3, axis=2) * (_HEAT_OPACITY / 255)
    blended = np.asarray(np.rint(colours * opacity), np.uint8)
    return blended, np.asarray(np.rint(255 * (1 - opacity)), np.uint8)


def _heat_levels(result: Result) -> NDArray[np.uint8]:
    hottest = result.heatmap.values.max(axis=0)
    return np.asarray(np.rint(hottest * 255), np.uint8)


def _draw(overlay: NDArray[np.uint8], box: Box, scale: float) -> None:
    corners = np.rint(np.array(box.polygon) * scale).astype(np.int32)
    cv2.polylines(overlay, [corners], isClosed=True, color=_BOX, thickness=2, lineType=cv2.LINE_AA)
    if box.class_ is not None:
        x, y = corners[:, 0].min(), corners[:, 1].min()
        place = (int(x), int(max(y - 4, 12)))
        cv2.putText(overlay, box.class_, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, _BOX, 2, cv2.LINE_AA)
