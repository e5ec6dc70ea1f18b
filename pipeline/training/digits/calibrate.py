"""Calibration: the log-odds of "something of this label is here" as slope * H + intercept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ....stages.errors import ConfigError
from ....stages.infer import infer
from ....stages.models.card import Calibration
from ....stages.settings import Polarity, Resolution, Weights

if TYPE_CHECKING:
    from ....stages.geometry.grid import Grid
    from ....stages.models.loading import Model
    from .canvases import Canvas

__all__ = ["PRIOR", "Fit", "Pass", "Vector", "calibrate", "fit"]

PRIOR = 0.05
"""Share of cells on a picture that are taken to be ink.

The fit counts all positive cells together as this and all negative ones as the rest. A map that
hardly tells ink from ground then stays below 0.5 nearly everywhere, a plain picture stays dark, and
where maps are joined by their maximum the one that knows most decides; with equal shares every weak
map would light up half of every photograph. It is a compromise: on photographs without text the
digits network still lights up 9 (`paper`) to 19 (`class`) percent of the area at 0.5 with three
scales and both polarities. A prior of 0.005 makes that 1 to 3 percent, but leaves of the text in
photographs a third to a quarter of what is found.
"""

# Cells of a canvas that are looked at: neighbours tell little more.
_POSITIVES, _NEGATIVES = 300, 1000


@dataclass(frozen=True)
class Pass:
    """How a picture is shown to the network."""

    resolution: Resolution
    polarity: Polarity
    scale: float


@dataclass(frozen=True)
class Vector:
    """A weight vector W whose map H is to be calibrated.

    Attributes:
        weights: its kind.
        label: the name that its calibration is kept under.
        classes: indices of the classes whose ink is a positive.
        values: float32 [C].
    """

    weights: Weights
    label: str
    classes: tuple[int, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Fit:
    """A calibration and how well its map tells ink from ground.

    Attributes:
        calibration: slope and intercept.
        auc: area under the ROC curve: chance that a cell of ink is hotter than one of ground.
        lit: share of ground that comes out above 0.5.
    """

    calibration: Calibration
    auc: float
    lit: float


def calibrate(
    model: Model,
    asked: Mapping[Pass, Sequence[Vector]],
    canvases: Iterable[Canvas],
    seed: int,
) -> Iterator[Fit]:
    """Fit slope and intercept for every map that is asked for.

    Positives are cells on the ink of a digit of the label that stands out in the direction that
    the polarity is for (lighter than its ground for `normal`); negatives are cells outside the
    boxes of all digits.

    Args:
        model: its weights and tables; its calibrations are not used.
        asked: the maps, grouped by the pass over a picture that they come from.
        canvases: looked at once, one at a time.
        seed: chooses the cells, the same ones whatever else is asked for.

    Raises:
        ConfigError: the canvases lack ink or ground for a map.
    """
    seen: dict[Pass, list[_Cells]] = {one: [] for one in asked}
    for index, canvas in enumerate(canvases):
        for one, vectors in asked.items():
            seen[one].append(_look(model, canvas, one, vectors, default_rng([seed, index])))
    for one, vectors in asked.items():
        heat = np.concatenate([cells.heat for cells in seen[one]], axis=1)
        labels = np.concatenate([cells.labels for cells in seen[one]])
        for vector, of_vector in zip(vectors, heat, strict=True):
            positive = of_vector[np.isin(labels, vector.classes)]
            yield _fitted(vector, one, positive, of_vector[labels < 0])


def fit(
    positive: NDArray[np.floating], negative: NDArray[np.floating], prior: float = PRIOR
) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of one variable, slope >= 0.

    More heat is never evidence of less: where a map is hotter on ground than on ink, it is taken
    to say nothing, which makes it the prior everywhere.

    Args:
        positive: [N] values where the answer is yes.
        negative: [M] values where it is no.
        prior: what all positives together count; all negatives count the rest.
    """
    x = np.concatenate([positive, negative]).astype(np.float64)
    middle, spread = float(np.mean(x)), float(np.std(x)) or 1.0
    x = (x - middle) / spread
    sign = np.repeat([1.0, -1.0], [len(positive), len(negative)])
    weight = np.repeat(
        [prior / len(positive), (1 - prior) / len(negative)], [len(positive), len(negative)]
    )

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (parameters[0] * x + parameters[1])
        pull = -weight * sign * expit(-margin)
        return float(weight @ np.logaddexp(0, -margin)), np.array([pull @ x, pull.sum()])

    bounds = ((0, None), (None, None))
    start = np.array([1.0, np.log(prior / (1 - prior))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * middle


@dataclass(frozen=True)
class _Cells:
    """Some cells of a canvas: H of every vector, float32 [V, n]; class, or -1: int64 [n]."""

    heat: NDArray[np.float32]
    labels: NDArray[np.int64]


def _look(
    model: Model, canvas: Canvas, one: Pass, vectors: Sequence[Vector], random: Generator
) -> _Cells:
    features = infer(
        model,
        canvas.rgb,
        resolution=one.resolution,
        scale=one.scale,
        polarity=one.polarity,
    )
    labels = _truth(canvas, features.grid, one.polarity).ravel()
    cells = np.concatenate(
        [
            _some(random, np.flatnonzero(labels >= 0), _POSITIVES),
            _some(random, np.flatnonzero(labels == _GROUND), _NEGATIVES),
        ]
    )
    weights = np.stack([vector.values for vector in vectors])
    maps = features.maps.reshape(len(features.maps), -1)[:, cells]
    return _Cells(weights @ maps, labels[cells])


_GROUND, _IGNORED = -1, -2


def _truth(canvas: Canvas, grid: Grid, polarity: Polarity) -> NDArray[np.int64]:
    """Return for each cell [h, w] the class of the ink at its centre, _GROUND or _IGNORED."""
    x, y = (
        np.clip(grid.offset[a] + np.arange(grid.shape[1 - a]) * grid.stride[a], 0, None)
        .astype(np.intp)
        .clip(max=grid.picture[a] - 1)
        for a in (0, 1)
    )
    truth = np.full(canvas.owner.shape, _GROUND, np.int64)
    for left, top, right, bottom in canvas.boxes.tolist():
        truth[top:bottom, left:right] = _IGNORED
    for index, (label, light) in enumerate(zip(canvas.labels, canvas.light, strict=True)):
        if light == (polarity == "normal"):
            truth[canvas.owner == index] = label
    at_centres: NDArray[np.int64] = truth[y[:, None], x]
    return at_centres


def _some(random: Generator, cells: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    return cells if len(cells) <= most else random.choice(cells, most, replace=False)


def _fitted(
    vector: Vector, one: Pass, positive: NDArray[np.float32], negative: NDArray[np.float32]
) -> Fit:
    if not len(positive) or not len(negative):
        msg = (
            f"no canvas shows {'ground' if len(positive) else 'ink'} for label {vector.label}, "
            f"polarity {one.polarity}: draw more with --canvases"
        )
        raise ConfigError(msg)
    slope, intercept = fit(positive, negative)
    calibration = Calibration(
        weights=vector.weights,
        resolution=one.resolution,
        polarity=one.polarity,
        scale=one.scale,
        label=vector.label,
        slope=float(f"{slope:.6g}"),
        intercept=float(f"{intercept:.6g}"),
    )
    lit = float(np.mean(slope * negative + intercept > 0))
    return Fit(calibration, _auc(positive, negative), lit)


def _auc(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    """Return the share of pairs in which the positive is the greater, ties half."""
    ground = np.sort(negative)
    below = np.searchsorted(ground, positive, side="left")
    not_above = np.searchsorted(ground, positive, side="right")
    return float(np.mean(below + not_above) / (2 * len(ground)))
