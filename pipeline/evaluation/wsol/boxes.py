"""MaxBoxAcc and MaxBoxAccV2: does the box around the hot region fit the object's?

Choe et al., CVPR 2020, section 4.1, and, for V2, the extended version (TPAMI 2023). A picture is
right at a threshold t and an IoU d if a box around pixels with heat >= t has IoU >= d with any box
of the truth. The score is the share of right pictures at the t that is best for the whole set.

- MaxBoxAcc: d = 0.5, only the box of the largest component (by the area inside its outline).
- MaxBoxAccV2: the boxes of all components, mean over d = 0.3, 0.5, 0.7, each with its best t.

This differs from the authors' program. Boxes are half-open, in pixels of the picture; theirs are a
pixel too large, on a picture warped to 224 x 224. Holes in a component are no component of their
own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..bootstrap import means
from .levels import COUNT, Normalize, levels

IOUS = (0.3, 0.5, 0.7)
_SAME = 1e-9
"""Tolerance, so that an IoU of exactly 0.3, 0.5 or 0.7 counts despite rounding."""


@dataclass(frozen=True)
class BoxAccuracy:
    """Shares of pictures, 0..1.

    `at` is MaxBoxAccV2 at the IoUs 0.3, 0.5 and 0.7, reached at the heat `thresholds`, 0..1. Its
    mean is `max_box_acc_v2`.
    """

    max_box_acc: float
    max_box_acc_v2: float
    at: tuple[float, ...]
    thresholds: tuple[float, ...]


def max_box_acc(
    heatmaps: Iterable[NDArray[Any]],
    boxes: Iterable[NDArray[Any]],
    *,
    normalize: Normalize = "minmax",
) -> BoxAccuracy:
    """Score the heatmaps of a set of pictures against boxes.

    Args:
        heatmaps: one [H, W] per picture, at picture resolution, in 0..1 (or uint8, see `levels`).
        boxes: one [n, 4] per picture, n >= 1: left, top, right, bottom in pixels, half-open.
        normalize: `minmax` as in the paper, or `none`.

    Raises:
        ValueError: a map is malformed, or there are not as many maps as pictures with boxes.
    """
    pairs = zip(heatmaps, boxes, strict=True)
    ious = np.stack([swept_ious(heat, truth, normalize=normalize) for heat, truth in pairs])
    largest, at, best = accuracies(ious, np.ones((1, len(ious))))
    return BoxAccuracy(
        max_box_acc=float(largest[0]),
        max_box_acc_v2=float(at[0].mean()),
        at=tuple(at[0].tolist()),
        thresholds=tuple((best[0] / (COUNT - 1)).tolist()),
    )


def swept_ious(
    heatmap: NDArray[Any], boxes: NDArray[Any], *, normalize: Normalize = "minmax"
) -> NDArray[np.float32]:
    """Return how well boxes [n, 4] of one picture fit its heatmap [H, W] at every threshold.

    Returns:
        float32 [2, 256], thresholds 0/255 to 255/255: IoU of the largest component's box with the
        best box of the truth, and the best IoU of any component's.
    """
    level = levels(heatmap, normalize)
    there = np.unique(level)
    ious = np.zeros((2, COUNT), np.float32)
    fits = np.array([_fit(level >= threshold, boxes) for threshold in there], np.float32)
    # Between two levels that occur, the foreground is that of the higher level.
    ious[:, : int(there[-1]) + 1] = fits[np.searchsorted(there, np.arange(int(there[-1]) + 1))].T
    return ious


def accuracies(
    ious: NDArray[np.float32], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the accuracies of several samples of a set of pictures.

    Args:
        ious: [n, 2, 256], see `swept_ious`.
        times: [samples, n], how often each picture is in a sample.

    Returns:
        MaxBoxAcc [samples], and for MaxBoxAccV2 the accuracies at `IOUS` and the levels of their
        thresholds, [samples, 3] each.
    """
    largest = means(times, ious[:, 0] >= 0.5 - _SAME).max(axis=-1)
    by_level = np.stack([means(times, ious[:, 1] >= iou - _SAME) for iou in IOUS], axis=1)
    return largest, by_level.max(axis=-1), by_level.argmax(axis=-1)


def box_iou(found: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return the IoU of every box [m, 4] with every other [n, 4]: float64 [m, n]."""
    found, truth = found.astype(np.float64), truth.astype(np.float64)
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    area, truth_area = ((box[:, 2:] - box[:, :2]).prod(axis=-1) for box in (found, truth))
    union = area[:, None] + truth_area[None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _fit(foreground: NDArray[np.bool_], truth: NDArray[Any]) -> tuple[float, float]:
    """Return the IoU of the largest component's box, and the best one of all."""
    # Ten times as fast as labelling components. The two levels are outer borders and borders of
    # holes.
    contours, hierarchy = cv2.findContours(
        foreground.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    outer = [one for one, (*_, parent) in zip(contours, hierarchy[0], strict=True) if parent < 0]
    corners = np.array([cv2.boundingRect(one) for one in outer])
    corners[:, 2:] += corners[:, :2]
    ious = box_iou(corners, truth).max(axis=1)
    largest = np.argmax([cv2.contourArea(one) for one in outer])
    return float(ious[largest]), float(ious.max())
