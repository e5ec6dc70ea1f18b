"""From heat to yes or no."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .geometry.grid import Grid
from .heatmap import Heatmap
from .settings import ThresholdMethod

__all__ = ["Mask", "threshold"]


@dataclass(frozen=True)
class Mask:
    """Cells that hold something of each label.

    Attributes:
        values: bool [K, h, w].
        labels: names of the K maps.
        grid: where the cells lie in the upright picture.
    """

    values: NDArray[np.bool_]
    labels: tuple[str, ...]
    grid: Grid


def threshold(
    heatmap: Heatmap,
    *,
    method: ThresholdMethod = "fixed",
    value: float = 0.5,
    k: float = 2.0,
    low: float = 0.3,
    high: float = 0.6,
) -> Mask:
    """Keep the hot cells of every map.

    Args:
        heatmap: values in 0..1.
        method: `fixed` keeps what is above `value`; `mean_std` above mean + k * std of the map (the
            AdGAP authors use k = 2); `otsu` above Otsu's threshold (1979); `hysteresis` what is
            above `low` and connected to something above `high` (Canny 1986). Only `fixed` and
            `hysteresis` leave a picture with nothing on it dark; the others are relative to the
            picture and light up the strongest of its noise.
        value: threshold of `fixed`.
        k: standard deviations of `mean_std`.
        low: lower threshold of `hysteresis`.
        high: upper threshold of `hysteresis`.
    """
    kept = np.empty(heatmap.values.shape, np.bool_)
    for k_th, heat in enumerate(heatmap.values):
        match method:
            case "fixed":
                kept[k_th] = heat > value
            case "mean_std":
                kept[k_th] = heat > heat.mean() + k * heat.std()
            case "otsu":
                kept[k_th] = _above_otsu(heat)
            case "hysteresis":
                kept[k_th] = _hysteresis(heat, low, high)
    return Mask(kept, heatmap.labels, heatmap.grid)


def _above_otsu(heat: NDArray[np.float32]) -> NDArray[np.bool_]:
    from skimage.filters import threshold_otsu  # noqa: PLC0415  slow to import, seldom used

    above: NDArray[np.bool_] = heat > threshold_otsu(heat)
    return above


def _hysteresis(heat: NDArray[np.float32], low: float, high: float) -> NDArray[np.bool_]:
    from skimage.filters import apply_hysteresis_threshold  # noqa: PLC0415  the same

    kept: NDArray[np.bool_] = apply_hysteresis_threshold(heat, low, high)
    return kept
