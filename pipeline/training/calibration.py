"""Calibration of maps: the log-odds of "something of this label is here" as slope * H + intercept.

It serves every kind of model: the maps that run configs ask for, and the regression that fits them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ...stages.heatmap import filter_weights
from ...stages.models.card import Calibration
from ...stages.models.loading import Model
from ...stages.settings import Polarity, Resolution, Weights
from ..config.sections import Config

KINDS: tuple[Weights, ...] = tuple(kind for kind in get_args(Weights) if kind != "classifier")
"""Kinds of weights with tables. The maps of the classifier are log-odds without calibration."""
PRIOR = 0.05
"""Assumed share of ink among the cells of a picture.

In the fit, all positive cells together have this weight, and all negative cells the rest. So a map
that hardly separates ink from ground stays below 0.5 nearly everywhere, and a plain picture stays
dark. Where maps are joined by their maximum, the best map decides. With equal weights, every weak
map would light up half of every photograph. The value is a compromise: at 0.5, with three scales
and both polarities, the digits network lights up 9 (`paper`) to 19 (`class`) percent of the area of
photographs without text. A prior of 0.005 makes that 1 to 3 percent, but then only a quarter to a
third of the text in photographs is found.
"""


@dataclass(frozen=True)
class Request:
    """The request to `locpipe calibrate`, for any kind of model.

    Attributes:
        configs: configs of runs with the model. Their maps are calibrated for their thresholds.
        every_kind: whether all kinds of weights are calibrated, not only those of the configs.
        backgrounds: folder of photographs without text; None: none, or those of the training.
        count: number of pictures to make.
        seed: seed of the pictures.
    """

    configs: Sequence[Config]
    every_kind: bool
    backgrounds: Path | None
    count: int
    seed: int


@dataclass(frozen=True)
class Pass:
    """How a picture is shown to the network."""

    resolution: Resolution
    polarity: Polarity
    scale: float


@dataclass(frozen=True)
class Vector:
    """A weight vector W, float32 [C], whose map H is to be calibrated.

    The calibration is stored under `label`. Ink of the `classes` (indices) is positive.
    """

    weights: Weights
    label: str
    classes: tuple[int, ...]
    values: NDArray[np.float32]


def asked_for(
    model: Model, configs: Sequence[Config], *, every_kind: bool
) -> dict[Pass, tuple[Vector, ...]]:
    """Return every pass that the configs make, and the maps that each pass needs.

    With `every_kind`, these are the maps of all kinds of weights, not only of those in the configs.
    """
    wanted: dict[Pass, dict[tuple[Weights, str], Vector]] = {}
    for config in configs:
        vectors = {
            (kind, name): Vector(kind, name, model.card.members(name), values)
            for kind in (KINDS if every_kind else (config.heatmap.weights,))
            for label in model.card.labels(config.heatmap)
            for name, values in filter_weights(
                model, label, weights=kind, group=config.heatmap.group
            )
        }
        for scale, polarity in product(config.infer.scale, config.infer.polarities):
            one = Pass(config.infer.resolution, polarity, scale)
            wanted.setdefault(one, {}).update(vectors)
    return {one: tuple(vectors.values()) for one, vectors in wanted.items()}


def fit(
    positive: NDArray[np.floating], negative: NDArray[np.floating], prior: float = PRIOR
) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of one variable, slope >= 0.

    More heat is never evidence against ink. If a map is hotter on ground than on ink, its slope is
    0, and it gives the prior everywhere.

    Args:
        positive: [N] values where the answer is yes.
        negative: [M] values where it is no.
        prior: weight of all positives together; all negatives have the rest of 1.
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


def calibration(vector: Vector, one: Pass, slope: float, intercept: float) -> Calibration:
    """Return the calibration of a map for a card, rounded to six digits."""
    return Calibration(
        weights=vector.weights,
        resolution=one.resolution,
        polarity=one.polarity,
        scale=one.scale,
        label=vector.label,
        slope=float(f"{slope:.6g}"),
        intercept=float(f"{intercept:.6g}"),
    )
