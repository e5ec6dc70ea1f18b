"""AdGAP heatmaps: filter responses weighted by how much the error grows without each filter.

Ghosh, Bhattacharya, Basu Roy Chowdhury, "AdGAP: Advanced Global Average Pooling":

    (1)  W_i = E_i - e              E_i: mean error with filter i blocked, e: with none blocked
    (2)  H   = sum_i W_i * F_i

(1) is printed there with the opposite sign, which would invert the map; the authors' code has this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .grid import Grid, resample
from .infer import Features
from .model import Group, Model, ModelCard, Weights

__all__ = ["Heatmap", "Merge", "Normalize", "filter_weights", "heatmap"]

Merge = Literal["max", "mean"]
Normalize = Literal["calibrated", "minmax"]
Vectors = Sequence[tuple[str, NDArray[np.float32]]]

_BLOCK = 16384  # cells
_ROUNDING = 1e-5  # relative differences of a sum in float32 that mean nothing


@dataclass(frozen=True)
class Heatmap:
    """How probable it is that something of each label is at each cell.

    Attributes:
        values: float32 [K, h, w] in 0..1.
        labels: names of the K maps.
        grid: where the cells lie in the upright picture.
    """

    values: NDArray[np.float32]
    labels: tuple[str, ...]
    grid: Grid


def heatmap(
    model: Model,
    features: Sequence[Features],
    *,
    labels: Sequence[str],
    weights: Weights = "class",
    group: Group = "max",
    normalize: Normalize = "calibrated",
    merge: Merge = "max",
) -> Heatmap:
    """Weigh filter responses into one map a label.

    Args:
        model: where the tables and calibrations come from.
        features: passes over one picture at one or more scales and polarities, those of one
            scale together; the map lies on the grid of the first.
        labels: classes or groups of the model, one map each.
        weights: which W_i, see `filter_weights`.
        group: a group's map is the `max` of its members' maps, or that of the `sum` of their
            weights.
        normalize: `calibrated` turns H into a probability by the model's fixed calibration;
            `minmax` is the paper's: shifted to 0 and divided by the largest value of the picture
            at hand, 0 where H is constant.
        merge: how scales are joined. Polarities of one scale are always joined by their maximum.

    Raises:
        ModelError: the model lacks a label, a table or a calibration that is asked for.
    """
    vectors = {
        label: filter_weights(model, label, weights=weights, group=group) for label in labels
    }
    one_scale = _minmax if normalize == "minmax" else partial(_calibrated, model.card, weights)
    merged: NDArray[np.float32] | None = None
    scales = groupby(features, key=lambda one: one.scale)
    for count, (_, same_scale) in enumerate(scales, start=1):
        passes = list(same_scale)
        maps = np.stack([one_scale(passes, vectors[label]) for label in labels])
        if merged is None:
            merged, grid = maps, passes[0].grid
            continue
        maps = resample(maps, passes[0].grid, grid)
        if merge == "max":
            np.maximum(merged, maps, out=merged)
        else:
            merged += (maps - merged) / np.float32(count)
    assert merged is not None, "at least one pass"
    return Heatmap(merged, tuple(labels), grid)


def filter_weights(
    model: Model, label: str, *, weights: Weights = "class", group: Group = "max"
) -> tuple[tuple[str, NDArray[np.float32]], ...]:
    """Return the weight vectors W, float32 [C], whose maps make up the map of a label.

    Each comes with the name that its calibration is kept under: of a class, or of the whole group
    where the vector is that of the group. With dE[i, c], the mean growth of the error on samples
    of class c when filter i is blocked, W_i is

    - `paper`: the mean of dE[i, c] over all samples of all classes, the same for every label;
    - `class`: dE[i, c];
    - `contrast`: dE[i, c] minus its mean over the samples of all other classes;
    - `energy`: mean over samples of c of (error growth / sum(F_i^2)), the authors' ccGAP;
    - `excitation`: mean of F_i over samples and positions of c, the authors' "newer GAP";
    - `linear`: the weights of a linear classifier on spatial means (CAM, Zhou et al. 2016).

    Raises:
        ModelError: the model knows no such label.
    """
    names = model.card.map_names(label, weights, group)
    table = _table(model, weights)
    if weights == "paper":
        return ((label, table[:, 0]),)
    return tuple((name, table[:, model.card.members(name)].sum(axis=1)) for name in names)


def _table(model: Model, weights: Weights) -> NDArray[np.float32]:
    """Return W for every class, float32 [C, classes]."""
    tables = model.tables
    total = tables.error @ tables.count
    match weights:
        case "paper":
            table = np.repeat(total[:, None] / tables.count.sum(), len(tables.count), axis=1)
        case "class":
            table = tables.error
        case "contrast":
            others = total[:, None] - tables.error * tables.count
            table = tables.error - others / (tables.count.sum() - tables.count)
        case "energy":
            table = tables.energy
        case "excitation":
            table = tables.excitation
        case "linear":
            table = tables.linear
    return table.astype(np.float32)


def _calibrated(
    card: ModelCard, weights: Weights, passes: Sequence[Features], vectors: Vectors
) -> NDArray[np.float32]:
    """Return the largest probability that any vector gives in any pass, float32 [h, w]."""
    log_odds = []
    for one in passes:
        fits = [
            card.calibrated(weights, one.resolution, one.polarity, name, one.scale)
            for name, _ in vectors
        ]
        slopes, intercepts = np.array([(fit.slope, fit.intercept) for fit in fits], np.float32).T
        log_odds.append(_largest(_stack(vectors) * slopes[:, None], one.maps, intercepts))
    probability: NDArray[np.float32] = expit(reduce(np.maximum, log_odds))
    return probability


def _minmax(passes: Sequence[Features], vectors: Vectors) -> NDArray[np.float32]:
    """Return the largest of the maps as the authors scale them, float32 [h, w]."""
    return reduce(np.maximum, (_scaled(_largest(_stack(vectors), one.maps)) for one in passes))


def _scaled(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = heat.min(), heat.max()
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return np.zeros_like(heat)
    scaled: NDArray[np.float32] = (heat - low) / (high - low)
    return scaled


def _stack(vectors: Vectors) -> NDArray[np.float32]:
    return np.stack([vector for _, vector in vectors])


def _largest(
    weights: NDArray[np.float32],
    maps: NDArray[np.float32],
    intercepts: NDArray[np.float32] | float = 0,
) -> NDArray[np.float32]:
    """Return equation (2) for weights [m, C] and responses [C, h, w], its maximum over m: [h, w].

    In blocks of rows that stay in the cache; the responses are not copied as a whole.
    """
    height, width = maps.shape[1:]
    heat = np.empty((height, width), np.float32)
    rows = max(1, _BLOCK // width)
    for top in range(0, height, rows):
        block = weights @ maps[:, top : top + rows].reshape(len(maps), -1)
        block += np.reshape(intercepts, (-1, 1))
        heat[top : top + rows] = block.max(axis=0).reshape(-1, width)
    return heat
