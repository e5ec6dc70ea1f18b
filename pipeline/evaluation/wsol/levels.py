"""Heat in 256 levels, so that sweeping a threshold over them is exact."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

COUNT = 256

Normalize: TypeAlias = Literal["minmax", "none"]
"""`minmax`: stretch the map of every picture to 0..1, as Choe et al. do; `none`: take it as it is,
so that one threshold must fit all pictures."""


def levels(heatmap: NDArray[Any], normalize: Normalize) -> NDArray[np.uint8]:
    """Return heat in levels 0..255.

    Args:
        heatmap: [H, W], floats in 0..1 or, as `locpipe run` writes it, uint8 in 0..255; with
            `minmax` floats of any range. A constant map has the level 0 everywhere.
        normalize: see `Normalize`.

    Raises:
        ValueError: the map is not two-dimensional, not finite, or out of its range.
    """
    if heatmap.ndim != 2 or not heatmap.size or not np.isfinite(heatmap).all():
        msg = f"a heatmap must be a finite array [H, W]; this has the shape {heatmap.shape}"
        raise ValueError(msg)
    heat = heatmap / 255 if heatmap.dtype == np.uint8 else heatmap.astype(np.float64)
    if normalize == "minmax":
        heat = heat - heat.min()
        heat /= heat.max() or 1
    elif heat.min() < 0 or heat.max() > 1:
        msg = f"heat must lie in 0..1, this in {heat.min():g}..{heat.max():g}; use minmax"
        raise ValueError(msg)
    return np.asarray(np.rint(heat * (COUNT - 1)), np.uint8)
