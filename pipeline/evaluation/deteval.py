"""DetEval: one-to-one, one-to-many and many-to-one matches by area recall and area precision.

C. Wolf and J.-M. Jolion, "Object count/area graphs for the evaluation of object detection and
segmentation algorithms", IJDAR 8(4), 2006, with the settings and the order of the ICDAR 2013
competition's script (challenge 2, task 1):

1. Detections with more than 0.4 of their area in one don't-care region are dropped.
2. One to one: area recall >= 0.8 and area precision >= 0.4, no other pair of this truth region or
   this detection reaches both (don't-care regions included), and neither overlaps anything else
   that counts. Weight 1.
3. One to many: a truth region that overlaps two or more detections; free detections with area
   precision >= 0.4 together cover at least 0.8 of it. Truth and each detection get 0.8, or 1 if it
   is one detection only.
4. Many to one: a detection that overlaps two or more truth regions; free truth regions with area
   recall >= 0.8 together fill at least 0.4 of it. Truth and detection get 1 each.

Areas are those of polygons in continuous coordinates. The script takes upright rectangles of whole
pixels with both edges inside, so rectangles that only touch overlap there and do not here. In step
2 the script also asks for a distance of the centres below half the sum of the diagonals. The
bounding rectangles of two overlapping regions always fulfil this (triangle inequality over their
half sides), so it is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .counts import Counts
from .overlaps import ComparedPicture, Overlaps, overlaps

_MIN_RECALL = 0.8
_MIN_PRECISION = 0.4
_SPLIT_WEIGHT = 0.8
_TOUCH = 1e-6
"""Least share of a truth region. Rotated neighbours that only touch share 1e-14 by rounding."""


def deteval(picture: ComparedPicture) -> Counts:
    """Count matches of one picture, weighted by their kind."""
    overlap = overlaps(picture)
    matcher = _Matcher(overlap, ~overlap.ignored, ~overlap.on_ignored(_MIN_PRECISION))
    truth, detected = int(matcher.truth.sum()), int(matcher.found.sum())
    touching = overlap.recall > _TOUCH
    found_touched = touching[:, matcher.found].sum(axis=1)
    truth_touched = touching[matcher.truth].sum(axis=0)
    hits = [
        matcher.one_to_one(found_touched, truth_touched),
        *map(matcher.one_to_many, np.flatnonzero(found_touched > 1).tolist()),
        *map(matcher.many_to_one, np.flatnonzero(truth_touched > 1).tolist()),
    ]
    recalled, precise = np.sum(hits, axis=0)
    return Counts(float(recalled), truth, float(precise), detected)


@dataclass
class _Matcher:
    """Truth (bool [n]) and detections (bool [m]) that have no match yet.

    Each method returns the amounts to add to `Counts.recalled` and `Counts.precise`.
    """

    overlap: Overlaps
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]

    def one_to_one(
        self, found_touched: NDArray[np.int64], truth_touched: NDArray[np.int64]
    ) -> tuple[float, float]:
        good = (self.overlap.recall >= _MIN_RECALL) & (self.overlap.precision >= _MIN_PRECISION)
        row = self.truth & (good.sum(axis=1) == 1) & (found_touched == 1)
        column = self.found & (good.sum(axis=0) == 1) & (truth_touched == 1)
        pairs = good & row[:, None] & column[None, :]
        self.truth &= ~pairs.any(axis=1)
        self.found &= ~pairs.any(axis=0)
        return float(pairs.sum()), float(pairs.sum())

    def one_to_many(self, region: int) -> tuple[float, float]:
        parts = np.flatnonzero(self.found & (self.overlap.precision[region] >= _MIN_PRECISION))
        covered = self.overlap.recall[region, parts].sum().round(4)
        if not self.truth[region] or covered < _MIN_RECALL:
            return 0.0, 0.0
        self.truth[region] = False
        self.found[parts] = False
        weight = 1.0 if len(parts) == 1 else _SPLIT_WEIGHT
        return weight, weight * len(parts)

    def many_to_one(self, detection: int) -> tuple[float, float]:
        parts = np.flatnonzero(self.truth & (self.overlap.recall[:, detection] >= _MIN_RECALL))
        filled = self.overlap.precision[parts, detection].sum().round(4)
        if not self.found[detection] or filled < _MIN_PRECISION:
            return 0.0, 0.0
        self.truth[parts] = False
        self.found[detection] = False
        return float(len(parts)), 1.0
