"""The counts of a protocol, and the rates that follow from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """Sums that add up over pictures: regions for matching protocols, square pixels for areas.

    Attributes:
        recalled: Truth that was found, 0..`truth`.
        truth: Truth that counts, don't-care regions left out.
        precise: Detections that are right, 0..`detected`.
        detected: Detections that count, those on don't-care regions left out.
    """

    recalled: float
    truth: float
    precise: float
    detected: float


def rates(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall and their harmonic mean H, with the official scripts' conventions.

    If there is nothing to find, recall is 1, and precision is 1 without and 0 with detections. If
    there is something to find and nothing is detected, precision is 0. If both are 0, H is 0.

    Args:
        counts: float64 [..., 4], the last axis in the order of `Counts`.

    Returns:
        float64 [..., 3] in 0..1: precision, recall, H.
    """
    recalled, truth, precise, detected = np.moveaxis(counts, -1, 0)
    recall = np.divide(recalled, truth, out=np.ones_like(truth), where=truth > 0)
    undetected = np.where(truth > 0, 0.0, 1.0)
    precision = np.divide(precise, detected, out=undetected, where=detected > 0)
    total = precision + recall
    h = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return np.stack([precision, recall, h], axis=-1)
