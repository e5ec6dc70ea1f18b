"""PxAP and pixel IoU: heat against masks.

PxAP is the area under the curve of pixel precision over pixel recall at all thresholds, with the
pixels of all pictures together (Choe et al., CVPR 2020, section 4.2). Every picture counts the
same, whatever its size, as in the authors' program, which warps all to 224 x 224.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bootstrap import means
from .levels import COUNT, Normalize, levels


@dataclass(frozen=True)
class PixelQuality:
    """How well heat separates pixels of the object from others, 0..1.

    `pxap` is the area under the precision-recall curve of all pixels. `iou` is the mean over
    pictures of the IoU of object and foreground at the best `threshold` of heat.
    """

    pxap: float
    iou: float
    threshold: float


def pxap(
    heatmaps: Iterable[NDArray[Any]],
    masks: Iterable[NDArray[np.bool_]],
    *,
    normalize: Normalize = "minmax",
) -> PixelQuality:
    """Score the heatmaps of a set of pictures against masks.

    Args:
        heatmaps: one [H, W] per picture, in 0..1 (or uint8, see `levels`).
        masks: one bool [H, W] per picture, of the same size; at least one holds an object.
        normalize: `minmax` as in the paper, or `none`.

    Raises:
        ValueError: a map is malformed, or of another size than its mask.
    """
    pairs = zip(heatmaps, masks, strict=True)
    rows = np.stack([histograms(heat, mask, normalize=normalize) for heat, mask in pairs])
    once = np.ones((1, len(rows)))
    iou, best = mean_ious(rows, once)
    area = float(precision_areas(rows, once)[0])
    return PixelQuality(area, float(iou[0]), float(best[0]) / (COUNT - 1))


def histograms(
    heatmap: NDArray[Any], mask: NDArray[np.bool_], *, normalize: Normalize = "minmax"
) -> NDArray[np.float64]:
    """Return the share of a picture's pixels at every level, float64 [2, 256]: object, others.

    Raises:
        ValueError: the map is malformed, or of another size than the mask.
    """
    level = levels(heatmap, normalize)
    if level.shape != mask.shape:
        msg = f"a heatmap {level.shape} and a mask {mask.shape} must be of the same size"
        raise ValueError(msg)
    counts = [np.bincount(level[part], minlength=COUNT) for part in (mask, ~mask)]
    return np.array(counts) / mask.size


def precision_areas(rows: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return PxAP [samples] for histograms [n, 2, 256] and samples [samples, n] of pictures."""
    totals = means(times, rows)
    true, false = np.moveaxis(totals[..., ::-1].cumsum(axis=-1), 1, 0)
    found = true + false
    precision = np.divide(true, found, out=np.zeros_like(true), where=found > 0)
    objects = true[:, -1]
    area = (precision * np.diff(true, axis=-1, prepend=0)).sum(axis=-1)
    return np.asarray(np.divide(area, objects, out=np.zeros_like(area), where=objects > 0))


def mean_ious(
    rows: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the best mean IoU of each sample, and the level of its threshold: [samples] each."""
    true, false = np.moveaxis(rows[..., ::-1].cumsum(axis=-1)[..., ::-1], 1, 0)
    either = true[:, :1] + false
    ious = np.divide(true, either, out=np.zeros_like(true), where=either > 0)
    mean = means(times, ious)
    return mean.max(axis=-1), mean.argmax(axis=-1)


def mask_iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the IoU of two masks [H, W]; 1 where both are empty."""
    either = int((found | truth).sum())
    return int((found & truth).sum()) / either if either else 1.0
