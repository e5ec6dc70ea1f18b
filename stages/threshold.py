"""Heat becomes yes or no."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import skimage  # skimage imports its parts on first use
from numpy.typing import NDArray

from .geometry.grid import Grid
from .heatmap import Heatmap
from .settings import Connectivity, ThresholdMethod


@dataclass(frozen=True)
class Mask:
    """Cells that hold something of each label.

    Attributes:
        values: bool [K, h, w].
        labels: names of the K maps.
        grid: where the cells lie in the upright picture.
        levels: the heat that each map was cut at; boxes end where the heat between cells crosses
            it. None: the map was not cut at a level, but changed by colours or boxes.
    """

    values: NDArray[np.bool_]
    labels: tuple[str, ...]
    grid: Grid
    levels: tuple[float | None, ...]


def threshold(
    heatmap: Heatmap,
    *,
    method: ThresholdMethod = "fixed",
    value: float = 0.5,
    k: float = 2.0,
    low: float = 0.3,
    high: float = 0.6,
    connectivity: Connectivity = 8,
) -> Mask:
    """Keep the hot cells of every map.

    Args:
        heatmap: values in 0..1.
        method: `fixed` keeps cells above `value`; `mean_std` above mean + k * std of the map (the
            AdGAP authors use k = 2); `otsu` above Otsu's threshold (1979); `hysteresis` cells above
            `low` that are connected to a cell above `high` (Canny 1986). Only `fixed` and
            `hysteresis` keep an empty picture dark. The others are relative to the picture, and
            light up its strongest noise.
        value: threshold of `fixed`.
        k: standard deviations of `mean_std`.
        low: lower threshold of `hysteresis`.
        high: upper threshold of `hysteresis`.
        connectivity: of cells that touch at a corner, as for `find_boxes`.
    """
    levels = []
    kept = np.empty(heatmap.values.shape, np.bool_)
    for number, heat in enumerate(heatmap.values):
        match method:
            case "fixed":
                level = value
            case "mean_std":
                level = float(heat.mean() + k * heat.std())
            case "otsu":
                level = _otsu(heat)
            case "hysteresis":
                level = low
        kept[number] = heat > level
        if method == "hysteresis":
            kept[number] = _joined_to_hot(kept[number], heat > high, connectivity)
        levels.append(level)
    return Mask(kept, heatmap.labels, heatmap.grid, tuple(levels))


def _otsu(heat: NDArray[np.float32]) -> float:
    return float(skimage.filters.threshold_otsu(heat))


def _joined_to_hot(
    warm: NDArray[np.bool_], hot: NDArray[np.bool_], connectivity: Connectivity
) -> NDArray[np.bool_]:
    """Return the components [h, w] of warm cells that contain a hot cell."""
    count, marks = cv2.connectedComponents(warm.view(np.uint8), connectivity=connectivity)
    holds = np.zeros(count, np.bool_)
    holds[marks[hot & warm]] = True
    kept: NDArray[np.bool_] = holds[marks]
    return kept
