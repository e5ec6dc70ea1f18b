"""ICDAR 2015: one detection for one word, polygons with IoU of at least a half.

D. Karatzas et al., "ICDAR 2015 Competition on Robust Reading", ICDAR 2015, challenge 4, as the
competition's script computes it. Detections with more than half of their area in one don't-care
region are dropped. Then truth in file order takes the first free detection that overlaps enough.
That is greedy, so the order of both lists can matter where boxes overlap. There are two
differences. The script asks for IoU above 0.5, the paper and we for at least 0.5. The script drops
polygons that cross themselves, and we mend them.
"""

import numpy as np

from .counts import Counts
from .overlaps import ComparedPicture, overlaps

_MIN_IOU = 0.5
_MAX_SHARE_ON_IGNORED = 0.5


def icdar2015(picture: ComparedPicture) -> Counts:
    """Count one-to-one matches of one picture."""
    overlap = overlaps(picture)
    counted = ~overlap.on_ignored(_MAX_SHARE_ON_IGNORED)
    free = counted.copy()
    matches = 0
    for candidates in overlap.iou[~overlap.ignored] >= _MIN_IOU:
        taken = np.flatnonzero(candidates & free)[:1]
        free[taken] = False
        matches += len(taken)
    return Counts(matches, int((~overlap.ignored).sum()), matches, int(counted.sum()))
