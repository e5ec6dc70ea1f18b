"""Heatmaps that ignore the picture. Every method must beat them (Choe et al. 2020)."""

import numpy as np
from numpy.typing import NDArray

_SIGMA = 0.25
"""Deviation, in sides of the picture. For swept thresholds only the order of heat counts."""


def whole_picture(width: int, height: int) -> NDArray[np.float32]:
    """Return heat 1 everywhere, float32 [height, width]."""
    return np.ones((height, width), np.float32)


def centre_gaussian(width: int, height: int) -> NDArray[np.float32]:
    """Return a Gaussian around the centre, float32 [height, width] in 0..1.

    It is stretched like the picture: Choe et al. draw it on a square, and warp every picture to
    that square.
    """
    x, y = (((np.arange(side) + 0.5) / side - 0.5) / _SIGMA for side in (width, height))
    return np.asarray(np.exp(-(x[None] ** 2 + y[:, None] ** 2) / 2), np.float32)
