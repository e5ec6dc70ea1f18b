"""The measures of `locpipe evaluate --protocol wsol`, computed from sums over pictures.

Each protocol makes one row of numbers per picture, and totals from many rows. So each heatmap is
read once, and a bootstrap sample costs only a matrix product.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..bootstrap import means
from .boxes import IOUS, accuracies, box_iou, swept_ious
from .cases import Case
from .levels import Normalize
from .pixels import histograms, mask_iou, mean_ious, precision_areas
from .pointing import hit

Totals: TypeAlias = dict[str, NDArray[np.float64]]
"""Name of a measure to its value in each sample of pictures, [samples]."""


@dataclass(frozen=True)
class Protocol:
    """A group of measures.

    Attributes:
        can: whether the picture has what the protocol needs, and an object to find.
        row: makes the numbers of one picture.
        totals: makes the measures from rows [n, ...] and times [samples, n].
        each: name of a measure and its value for every picture, [n], to find bad pictures.
    """

    can: Callable[[Case], bool]
    row: Callable[[Case, Normalize], NDArray[Any]]
    totals: Callable[[NDArray[Any], NDArray[np.float64]], Totals]
    each: Callable[[NDArray[Any]], Totals]


def _boxed(case: Case) -> bool:
    return len(case.boxes) > 0


def _masked(case: Case) -> bool:
    return case.mask is not None and bool(case.mask.any())


def _given(mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    assert mask is not None, "can() has seen to it"
    return mask


def _box_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    largest, at, _ = accuracies(rows, times)
    by_iou = {f"  at IoU {iou}": at[:, i] for i, iou in enumerate(IOUS)}
    return {"MaxBoxAcc": largest, "MaxBoxAccV2": at.mean(axis=1), **by_iou}


def _box_each(rows: NDArray[Any]) -> Totals:
    *_, best = accuracies(rows, np.ones((1, len(rows))))
    return {"box_iou": rows[:, 1, best[0, IOUS.index(0.5)]]}


def _pixel_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    return {"PxAP": precision_areas(rows, times), "pixel IoU": mean_ious(rows, times)[0]}


def _found_box_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    return {"boxes of the run": means(times, np.mean([rows >= iou for iou in IOUS], axis=0))}


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "boxes": Protocol(
            _boxed,
            lambda case, normalize: swept_ious(case.heat, case.boxes, normalize=normalize),
            _box_totals,
            _box_each,
        ),
        "pixels": Protocol(
            _masked,
            lambda case, normalize: histograms(case.heat, _given(case.mask), normalize=normalize),
            _pixel_totals,
            lambda rows: {"pxap": precision_areas(rows, np.eye(len(rows)))},
        ),
        "pointing": Protocol(
            lambda case: _boxed(case) or _masked(case),
            lambda case, _: np.array(
                hit(case.heat, _given(case.mask) if _masked(case) else case.boxes)
            ),
            lambda rows, times: {"pointing": means(times, rows)},
            lambda rows: {"pointing": rows},
        ),
        "found boxes": Protocol(
            _boxed,
            lambda case, _: np.array(box_iou(case.found_boxes, case.boxes).max(initial=0)),
            _found_box_totals,
            lambda rows: {"found_box_iou": rows},
        ),
        "found masks": Protocol(
            lambda case: _masked(case) and case.found_mask is not None,
            lambda case, _: np.array(mask_iou(_given(case.found_mask), _given(case.mask))),
            lambda rows, times: {"masks of the run": means(times, rows)},
            lambda rows: {"found_mask_iou": rows},
        ),
    }
)
