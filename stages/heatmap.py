"""AdGAP heatmaps: filter responses weighted by how much the error grows without each filter.

Ghosh, Bhattacharya, Basu Roy Chowdhury, "AdGAP: Advanced Global Average Pooling":

    (1)  W_i = E_i - e              E_i: mean error with filter i blocked, e: with none blocked
    (2)  H   = sum_i W_i * F_i

The paper prints (1) with the opposite sign, which would invert the map. The sign here is that of
the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .caching import cached_while_alive
from .coarse import add_large
from .geometry.grid import Grid, resample
from .models.loading import Model
from .settings import Group, Merge, Normalize, Polarity, Resolution, Weights

if TYPE_CHECKING:  # it imports torch, which readers of boxes do not need
    from .infer import Features

_BLOCK = 8192  # cells
_ROUNDING = 1e-5  # relative rounding error of a sum in float32


@dataclass(frozen=True)
class Heatmap:
    """The probability of each label at each cell.

    Attributes:
        values: float32 [K, h, w] in 0..1.
        labels: names of the K maps.
        grid: where the cells lie in the upright picture.
        normalize: how the values were scaled. `calibrated`: by the fixed calibration of the model;
            `minmax`: by the picture's own minimum and maximum.
    """

    values: NDArray[np.float32]
    labels: tuple[str, ...]
    grid: Grid
    normalize: Normalize = "calibrated"


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
    """Weigh filter responses into one map per label.

    Args:
        model: where the tables and calibrations come from.
        features: passes over one picture at one or more scales and polarities. Passes of one scale
            follow each other. The map lies on the grid of the first pass.
        labels: classes or groups of the model, one map each.
        weights: which W_i are used, see `filter_weights`.
        group: `max`: a group's map is the maximum of its members' maps; `sum`: it is the map of the
            sum of their weights.
        normalize: `calibrated` turns H into a probability by the model's fixed calibration;
            `minmax`, as in the paper, shifts the minimum of the picture to 0 and divides by the
            maximum. A constant H becomes 0.
        merge: how the maps of several scales are joined. Polarities of one scale are always joined
            by their maximum. Coarse passes only add large letters, see `coarse.add_large`.

    Raises:
        ModelError: the model lacks a label, a table or a calibration that is asked for.
    """

    def put_map(label: str, passes: Sequence[Features], out: NDArray[np.float32]) -> None:
        found = (_of_pass(model, label, one, weights, group, normalize) for one in passes)
        hottest = reduce(np.maximum, map(_minmax, found) if normalize == "minmax" else found)
        if normalize == "minmax":
            out[:] = hottest
        else:
            expit(hottest, out=out)

    merged: NDArray[np.float32] | None = None
    scales = groupby(features, key=lambda one: one.scale)
    for count, (_, same_scale) in enumerate(scales, start=1):
        passes = list(same_scale)
        maps = np.empty((len(labels), *passes[0].grid.shape), np.float32)
        for label, out in zip(labels, maps, strict=True):
            put_map(label, passes, out)
        if merged is None:
            merged, grid = maps, passes[0].grid
            continue
        if passes[0].coarse:
            for larger, smaller in zip(merged, maps, strict=True):
                add_large(larger, grid, smaller, passes[0].grid)
            continue
        maps = resample(maps, passes[0].grid, grid)
        if merge == "max":
            np.maximum(merged, maps, out=merged)
        else:
            merged += (maps - merged) / np.float32(count)
    assert merged is not None, "at least one pass"
    return Heatmap(merged, tuple(labels), grid, normalize)


def weigher(
    model: Model,
    labels: Sequence[str],
    shown: tuple[Resolution, Polarity, float],
    *,
    weights: Weights = "class",
    group: Group = "max",
    normalize: Normalize = "calibrated",
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a function that weighs rows of filter responses, as `heatmap` weighs whole maps.

    Args:
        model: as for `heatmap`.
        labels: one map each, in this order.
        shown: resolution, polarity and scale of the pass.
        weights: as for `heatmap`.
        group: as for `heatmap`.
        normalize: as for `heatmap`.

    Raises:
        ModelError: as `heatmap`.
    """
    how = [_affine(model, label, shown, weights, group, normalize) for label in labels]
    return lambda maps: np.stack([_largest(one, maps) for one in how])


def filter_weights(
    model: Model, label: str, *, weights: Weights = "class", group: Group = "max"
) -> tuple[tuple[str, NDArray[np.float32]], ...]:
    """Return the weight vectors W, float32 [C], of the maps that form the map of a label.

    Each comes with the name of its calibration: a class, or a group if the vector is that of the
    group. dE[i, c] is the mean growth of the error on samples of class c when filter i is blocked.
    W_i is

    - `paper`: the mean of dE[i, c] over all samples of all classes, the same for every label;
    - `class`: dE[i, c];
    - `contrast`: dE[i, c] minus its mean over the samples of all other classes;
    - `energy`: mean over samples of c of (error growth / sum(F_i^2)), the authors' ccGAP;
    - `excitation`: mean of F_i over samples and positions of c, the authors' "newer GAP";
    - `linear`: the weights of a linear classifier on spatial means (CAM, Zhou et al. 2016). If the
      net ends in global average pooling and a linear layer, they are those of that layer;
    - `classifier`: none; the maps are already the answers of the classifier in every window.

    Raises:
        ModelError: the model knows no such label, or its tables have no values for it.
    """
    names = model.card.map_names(label, weights, group)
    model.card.require_measured(label, weights, model.tables.measured())
    table = _table(model, weights)
    if weights == "paper":
        return ((label, table[:, 0]),)
    return tuple((name, table[:, model.card.members(name)].sum(axis=1)) for name in names)


@cached_while_alive
def _table(model: Model, weights: Weights) -> NDArray[np.float32]:
    """Return W for every class, float32 [C, classes]."""
    tables = model.tables
    if weights == "classifier":
        return np.eye(len(tables.count), dtype=np.float32)
    total = tables.error @ tables.count
    match weights:
        case "paper":
            table = np.repeat(total[:, None] / tables.count.sum(), len(tables.count), axis=1)
        case "class":
            table = tables.error
        case "contrast":
            others = total[:, None] - tables.error * tables.count
            table = tables.error - others / np.maximum(tables.count.sum() - tables.count, 1)
        case "energy":
            table = tables.energy
        case "excitation":
            table = tables.excitation
        case "linear":
            table = tables.linear
    return table.astype(np.float32)


class _Affine(NamedTuple):
    """Several maps, each affine in F; their maximum is used."""

    slopes: NDArray[np.float32]  # [m, C]
    intercepts: NDArray[np.float32]  # [m, 1]


@cached_while_alive
def _plain(model: Model, label: str, weights: Weights, group: Group) -> _Affine:
    vectors = filter_weights(model, label, weights=weights, group=group)
    slopes = np.stack([vector for _, vector in vectors])
    return _Affine(slopes, np.zeros((len(slopes), 1), np.float32))


@cached_while_alive
def _calibrated(
    model: Model,
    label: str,
    weights: Weights,
    group: Group,
    resolution: Resolution,
    polarity: Polarity,
    scale: float,
) -> _Affine:
    """Return the map to log-odds. It is cached: for small pictures the look-up would take long."""
    plain = _plain(model, label, weights, group)
    if weights == "classifier":  # the maps are log-odds already
        return plain
    names = model.card.map_names(label, weights, group)
    fits = [model.card.calibrated(weights, resolution, polarity, name, scale) for name in names]
    slopes, intercepts = np.array([(fit.slope, fit.intercept) for fit in fits], np.float32).T
    return _Affine(plain.slopes * slopes[:, None], intercepts[:, None])


def _affine(
    model: Model,
    label: str,
    shown: tuple[Resolution, Polarity, float],
    weights: Weights,
    group: Group,
    normalize: Normalize,
) -> _Affine:
    if normalize == "minmax":
        return _plain(model, label, weights, group)
    return _calibrated(model, label, weights, group, *shown)


def _of_pass(
    model: Model,
    label: str,
    one: Features,
    weights: Weights,
    group: Group,
    normalize: Normalize,
) -> NDArray[np.float32]:
    """Return the map [h, w] of a label, not normalized yet."""
    if one.labels:
        return np.asarray(one.maps[one.labels.index(label)], np.float32)
    shown = one.resolution, one.polarity, one.scale
    return _largest(_affine(model, label, shown, weights, group, normalize), one.maps)


def _minmax(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map as the authors scale it, in 0..1."""
    low, high = heat.min(), heat.max()
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return np.zeros_like(heat)
    scaled: NDArray[np.float32] = (heat - low) / (high - low)
    return scaled


def _largest(affine: _Affine, maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the maximum of equation (2) over several W, for responses [C, h, w]: [h, w].

    It works in blocks of rows that stay in the cache. Each row is a matrix product without a copy.
    """
    height, width = maps.shape[1:]
    heat = np.empty((height, width), np.float32)
    rows = max(1, _BLOCK // width)
    by_row = maps.swapaxes(0, 1)  # [h, C, w]
    for top in range(0, height, rows):
        block = affine.slopes @ by_row[top : top + rows]
        block += affine.intercepts
        block.max(axis=1, out=heat[top : top + rows])
    return heat
