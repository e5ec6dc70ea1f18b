"""The measures of `locpipe evaluate --protocol wsol`, in a form that sums over pictures can give.

Each protocol makes a row of numbers of one picture, and totals of the rows of many. So a bootstrap
sample costs a matrix product, and heat is looked at once.
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
    """A way to look at a picture.

    Attributes:
        can: whether the picture has what the protocol needs, and an object to find.
        row: numbers of one picture.
        totals: the measures, of rows [n, ...] and times [samples, n].
        each: a name and a number for every picture, [n], to find the bad ones by.
    """

    can: Callable[[Case], bool]
    row: Callable[[Case, Normalize], NDArray[Any]]
    totals: Callable[[NDArray[Any], NDArray[np.float64]], Totals]
    each: Callable[[NDArray[Any]], Totals]


def _boxed(case: Case) -> bool:
    return len(case.boxes) > 0


def _masked(case: Case) -> bool:
    return case.mask is not None and bool(case.mask.any())


def _box_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    largest, at, _ = accuracies(rows, times)
    by_iou = {f"  at IoU {iou}": at[:, i] for i, iou in enumerate(IOUS)}
    return {"MaxBoxAcc": largest, "MaxBoxAccV2": at.mean(axis=1), **by_iou}


def _box_each(rows: NDArray[Any]) -> Totals:
    *_, best = accuracies(rows, np.ones((1, len(rows))))
    return {"box_iou": rows[:, 1, best[0, IOUS.index(0.5)]]}


def _pixel_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    return {"PxAP": precision_areas(rows, times), "pixel IoU": mean_ious(rows, times)[0]}


def _pixel_each(rows: NDArray[Any]) -> Totals:
    alone = np.eye(len(rows))
    return {"pxap": precision_areas(rows, alone)}


def _point(case: Case, _: Normalize) -> NDArray[Any]:
    truth = case.boxes if case.mask is None or not case.mask.any() else case.mask
    return np.array(hit(case.heat, truth))


def _found_boxes(case: Case, _: Normalize) -> NDArray[Any]:
    return np.array(box_iou(case.found_boxes, case.boxes).max(initial=0))


def _found_box_totals(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    return {"boxes of the run": means(times, np.mean([rows >= iou for iou in IOUS], axis=0))}


def _found_mask(case: Case, _: Normalize) -> NDArray[Any]:
    assert case.mask is not None, "can() has seen to it"
    assert case.found_mask is not None, "the same"
    return np.array(mask_iou(case.found_mask, case.mask))


def _swept(case: Case, normalize: Normalize) -> NDArray[Any]:
    return swept_ious(case.heat, case.boxes, normalize=normalize)


def _histograms(case: Case, normalize: Normalize) -> NDArray[Any]:
    assert case.mask is not None, "can() has seen to it"
    return histograms(case.heat, case.mask, normalize=normalize)


def _mean(name: str) -> Callable[[NDArray[Any], NDArray[np.float64]], Totals]:
    return lambda rows, times: {name: means(times, rows)}


def _itself(name: str) -> Callable[[NDArray[Any]], Totals]:
    return lambda rows: {name: rows}


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "boxes": Protocol(_boxed, _swept, _box_totals, _box_each),
        "pixels": Protocol(_masked, _histograms, _pixel_totals, _pixel_each),
        "pointing": Protocol(
            lambda case: _boxed(case) or _masked(case),
            _point,
            _mean("pointing"),
            _itself("pointing"),
        ),
        "found boxes": Protocol(_boxed, _found_boxes, _found_box_totals, _itself("found_box_iou")),
        "found masks": Protocol(
            lambda case: _masked(case) and case.found_mask is not None,
            _found_mask,
            _mean("masks of the run"),
            _itself("found_mask_iou"),
        ),
    }
)
