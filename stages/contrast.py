"""How much the ink in a box stands out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST = 65_536  # pixels of a box that are looked at, evenly spread


def contrasts_of(rgb: NDArray[np.uint8], rectangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the contrast of boxes, float64 [N], 0..100.

    Otsu's threshold parts the pixels of a box into lighter and darker ones. The contrast is the
    difference of their mean lightness L* (CIE 1976, D65).

    Args:
        rgb: uint8 [H, W, 3], the upright picture, sRGB.
        rectangles: corners [N, 4, 2] in pixels of the picture. Parts outside the picture do not
            count.
    """
    return np.array([_contrast(rgb, rectangle) for rectangle in rectangles], np.float64)


def _contrast(rgb: NDArray[np.uint8], rectangle: NDArray[np.float64]) -> float:
    size = np.array([rgb.shape[1], rgb.shape[0]])
    first = np.clip(np.floor(rectangle.min(axis=0)).astype(int), 0, size - 1)
    last = np.clip(np.ceil(rectangle.max(axis=0)).astype(int), first + 1, size)
    step = max(1, int(np.sqrt(np.prod(last - first) / _MOST)))
    part = np.asarray(rgb[first[1] : last[1] : step, first[0] : last[0] : step])
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, ((rectangle - first - 0.5) / step).round().astype(np.int32), 1)
    colours = part[inside.astype(bool)]
    if len(colours) == 0:
        return 0.0
    light = cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, :, 0]
    level, _ = cv2.threshold(light.round().astype(np.uint8), 0, 1, cv2.THRESH_OTSU)
    lighter = light.round() > level
    if lighter.all() or not lighter.any():
        return 0.0
    return float(light[lighter].mean() - light[~lighter].mean())
