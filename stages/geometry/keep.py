"""Which boxes are kept, by their size, shape, score, contrast and place."""

from collections.abc import Sequence

import numpy as np

from ..settings import KeepSettings
from .frames import Bools, Floats


def rejected(
    rectangles: Floats, scores: Sequence[float], keep: KeepSettings, contrasts: Floats | None = None
) -> tuple[Bools, dict[str, int]]:
    """Return which boxes [N] are removed, and how many by each key of `boxes.keep`.

    Args:
        rectangles: corners [N, 4, 2] in pixels, clockwise from the top-left one in reading
            direction.
        scores: of the boxes, 0..1.
        keep: the conditions. A box that fails several keys is counted at the first.
        contrasts: [N] in L*, 0..100; only `min_contrast` needs them.
    """
    along, down = (np.linalg.norm(rectangles[:, end] - rectangles[:, 0], axis=1) for end in (1, 3))
    height, area = np.minimum(along, down), along * down
    aspect = np.maximum(along, down) / np.maximum(height, 1e-9)
    left, top, right, bottom = keep.inside or (-np.inf, -np.inf, np.inf, np.inf)
    x, y = rectangles.mean(axis=1).T
    tests = {
        "min_height": height < (keep.min_height or 0),
        "max_height": height > (keep.max_height or np.inf),
        "min_area": area < (keep.min_area or 0),
        "max_area": area > (keep.max_area or np.inf),
        "min_aspect": aspect < (keep.min_aspect or 0),
        "max_aspect": aspect > (keep.max_aspect or np.inf),
        "min_score": np.asarray(scores) < (keep.min_score or 0),
        "min_contrast": np.zeros(len(x), np.bool_)
        if contrasts is None
        else contrasts < (keep.min_contrast or 0),
        "inside": (x < left) | (x >= right) | (y < top) | (y >= bottom),
    }
    gone = np.zeros(len(rectangles), np.bool_)
    counts: dict[str, int] = {}
    for name, fails in tests.items():
        count = int((fails & ~gone).sum())
        if count:
            counts[name] = count
        gone |= fails
    return gone, counts
