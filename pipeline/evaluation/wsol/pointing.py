"""The pointing game: does the hottest pixel lie on the object?

J. Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016, section 5.1: a hit
is a maximum on an object of the class or at most 15 pixels from it.
"""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 15.0


def pointing(
    heatmaps: Iterable[NDArray[Any]],
    truth: Iterable[NDArray[Any]],
    *,
    tolerance: float = TOLERANCE,
) -> float:
    """Return the share of hits, 0..1.

    Args:
        heatmaps: one [H, W] per picture, in any unit.
        truth: a mask, bool [H, W], or boxes, [n, 4], n >= 1, for every picture.
        tolerance: how far from the object a hit may lie, in pixels.

    Raises:
        ValueError: there are not as many maps as pictures with truth.
    """
    pairs = zip(heatmaps, truth, strict=True)
    return float(np.mean([hit(heat, known, tolerance=tolerance) for heat, known in pairs]))


def hit(heatmap: NDArray[Any], truth: NDArray[Any], *, tolerance: float = TOLERANCE) -> float:
    """Return 1 for a hit, 0 for a miss; if several pixels are the hottest, the share of hits.

    That is the expected value if one of them is drawn at random. The first one would lie at the
    edge of a cell or, on a constant map, in the corner of the picture.
    """
    y, x = np.nonzero(heatmap == heatmap.max())
    if truth.dtype == np.bool_:
        distance = _distance_to_mask(truth)[y, x]
    else:
        distance = _distance_to_boxes(x + 0.5, y + 0.5, truth).min(axis=0)
    return float(np.mean(distance <= tolerance))


def _distance_to_mask(mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the distance of each pixel to the nearest one of the mask, by centres: [H, W]."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    outside = np.asarray(~mask, np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _distance_to_boxes(x: NDArray[Any], y: NDArray[Any], boxes: NDArray[Any]) -> NDArray[Any]:
    """Return the distance of points [k] to the nearest pixel centre in boxes [n, 4]: [n, k]."""
    left, top, right, bottom = boxes.astype(np.float64).T[..., None]
    aside = np.maximum(np.maximum(left + 0.5 - x, x - right + 0.5), 0)
    above = np.maximum(np.maximum(top + 0.5 - y, y - bottom + 0.5), 0)
    return np.asarray(np.hypot(aside, above))
