"""Pictures of a result: the mask, the heatmap, and an overlay to look at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ..stages.boxes import Box
from .picture import Result

__all__ = ["heatmap_pixels", "mask_pixels", "overlay_pixels"]

_LONGEST_SIDE = 1600  # of an overlay: it is for looking at
_BOX = (0, 255, 102)  # green: in no colour map used here, and rare in photographs
_HEAT_OPACITY = 0.65


def mask_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the mask at picture size, uint8 [H, W].

    One label: 0 or 255. Several: 0, or 1 + index of the hottest label of those found there.
    """
    mask, heat = result.mask.values, result.heatmap.values
    if len(mask) == 1:
        cells = mask[0].astype(np.uint8) * np.uint8(255)
    else:
        hottest = np.where(mask, heat, -1).argmax(axis=0).astype(np.uint8)
        cells = np.where(mask.any(axis=0), hottest + 1, 0).astype(np.uint8)
    return result.mask.grid.to_pixels(cells)


def heatmap_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the largest heat of any label at picture size, uint8 [H, W], 255 = certain."""
    return result.heatmap.grid.to_pixels(_heat_levels(result))


def overlay_pixels(result: Result) -> NDArray[np.uint8]:
    """Return the picture under its heat and boxes, uint8 [h, w, 3] RGB, longest side 1600.

    The hotter, the less of the picture shows through, in the colours of "inferno".
    """
    rgb = result.image.rgb
    scale = min(1.0, _LONGEST_SIDE / max(rgb.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in (rgb.shape[1], rgb.shape[0]))
    picture = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    heat = cv2.resize(_heat_levels(result), size, interpolation=cv2.INTER_LINEAR)
    colours = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    opacity = (heat * np.float32(_HEAT_OPACITY / 255))[..., None]
    overlay = np.asarray(picture + (colours - picture.astype(np.float32)) * opacity, np.uint8)
    for box in result.boxes.items:
        _draw(overlay, box, scale)
    return overlay


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
