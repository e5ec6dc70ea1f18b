"""Pictures of a result: the mask, the heatmap, and an overlay to look at."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.geometry.box import Box
from ...stages.geometry.shrinking import shrunk
from ...stages.scratch import bands, forget, zeros
from .colours import score_colour, score_ramp

if TYPE_CHECKING:
    from ...stages.localize import Result

_LONGEST_SIDE = 1280  # pixels of an overlay, which is only to look at
_SHORT = 400  # pixels of the longest side; smaller pictures are enlarged by a whole factor
_MOST_TIMES = 8
_HEAT_OPACITY = 0.65
_HALO = (20, 20, 20)
_STRIP = 28  # rows of the legend
_NARROWEST = 300  # pixels of width that a legend needs


def mask_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the mask at picture size, uint8 [H, W].

    One label: 0 or 255. Several labels: 0, or 1 + index of the hottest label found there.
    """
    mask, grid = result.mask.values, result.mask.grid
    # The mask of filled boxes has pixels, each with one label.
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
    """Return the picture under its heat and boxes, uint8 [h, w, 3] RGB, with a legend below.

    The longest side is at most 1280 pixels. Small pictures are enlarged up to eight times, so that
    lines do not hide what they surround. Heat has the colours of "inferno"; it is more opaque the
    hotter it is. Boxes have the colours of their scores. Both scales are perceptually uniform.
    Overlays narrower than 300 pixels have no legend.
    """
    rgb = result.image.rgb
    scale = _scale(max(rgb.shape[:2]))
    picture = reduced(rgb, _LONGEST_SIDE)
    if scale > 1:
        size = picture.shape[1] * int(scale), picture.shape[0] * int(scale)
        picture = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    size = picture.shape[1], picture.shape[0]
    heat = cv2.resize(_heat_levels(result), size, interpolation=cv2.INTER_LINEAR)
    colours, transparency = _blend_tables()
    faded = cv2.multiply(picture, cv2.applyColorMap(heat, transparency), scale=1 / 255)
    overlay: NDArray[np.uint8] = np.asarray(
        cv2.add(faded, cv2.applyColorMap(heat, colours)), np.uint8
    )
    for box in sorted(result.boxes.items, key=lambda box: box.score):  # the surest on top
        _draw(overlay, box, scale)
    if size[0] < _NARROWEST:
        return overlay
    return np.concatenate([overlay, _legend(size[0], len(result.boxes.items))])


def _scale(longest: int) -> float:
    """Return the scale of the overlay: a whole number, or less than 1."""
    if longest < _SHORT:
        return min(_MOST_TIMES, -(-_SHORT // longest))
    return min(1.0, _LONGEST_SIDE / longest)


def reduced(rgb: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return a picture uint8 [H, W, 3], shrunk to at most `longest` pixels per side."""
    scale = min(1.0, longest / max(rgb.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    return shrunk(rgb, (width, height))


@cache
def _blend_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return colour times opacity, and 255 minus opacity, for 256 levels of heat."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    opacity = np.repeat(levels[..., None], 3, axis=2) * (_HEAT_OPACITY / 255)
    blended = np.asarray(np.rint(colours * opacity), np.uint8)
    return blended, np.asarray(np.rint(255 * (1 - opacity)), np.uint8)


def _heat_levels(result: Result) -> NDArray[np.uint8]:
    hottest = result.heatmap.values.max(axis=0)
    return np.asarray(np.rint(hottest * 255), np.uint8)


def _draw(overlay: NDArray[np.uint8], box: Box, scale: float) -> None:
    corners = np.rint(np.array(box.polygon) * scale).astype(np.int32)
    colour = score_colour(box.score)
    for line, thickness in ((_HALO, 4), (colour, 2)):
        cv2.polylines(overlay, [corners], True, line, thickness, cv2.LINE_AA)  # noqa: FBT003 - closed
    if box.class_ is not None:
        x, y = corners[:, 0].min(), corners[:, 1].min()
        _write(overlay, box.class_, (int(x), int(max(y - 4, 12))), colour, size=0.6)


def _legend(width: int, boxes: int) -> NDArray[np.uint8]:
    """Return a legend of the colours, uint8 [28, width, 3]."""
    strip, end = _ramps(width)
    if width > end + 110:
        strip = strip.copy()
        told = f"{boxes} box{'' if boxes == 1 else 'es'}"
        _write(strip, told, (end + 20, 19), (235, 235, 235))
    return strip


@lru_cache(maxsize=16)
def _ramps(width: int) -> tuple[NDArray[np.uint8], int]:
    """Return the legend without the number of boxes, and the column where its ramps end."""
    strip = np.full((_STRIP, width, 3), 28, np.uint8)
    inferno = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)
    ramps = (("heat 0", cv2.cvtColor(inferno, cv2.COLOR_BGR2RGB)), ("score .5", score_ramp()[None]))
    part = min(width // 2, 260)
    for number, (name, ramp) in enumerate(ramps):
        left = number * part + 8
        _write(strip, name, (left, 19), (235, 235, 235))
        strip[9:20, left + 62 : left + part - 26] = cv2.resize(ramp, (part - 88, 11))
        _write(strip, "1", (left + part - 20, 19), (235, 235, 235))
    return strip, 2 * part


def _write(
    on: NDArray[np.uint8],
    text: str,
    place: tuple[int, int],
    colour: tuple[int, int, int],
    *,
    size: float = 0.42,
) -> None:
    for line, thickness in ((_HALO, 4), (colour, 1 if size < 0.5 else 2)):
        cv2.putText(on, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, line, thickness, cv2.LINE_AA)
