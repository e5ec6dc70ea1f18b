"""Scale and threshold of the maps of a classifier of positions, fitted on rendered pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ....stages.boxes import find_boxes
from ....stages.grid import Grid
from ....stages.heatmap import Heatmap
from ....stages.infer import infer
from ....stages.model import Calibration
from ....stages.threshold import threshold
from ...evaluation.picture import Picture
from ...evaluation.score import score
from ..calibrate import Pass, Vector, fit
from ..scene_text.truth import Rendering
from .labels import IGNORED, STRIDE, TEXT, label
from .samples import moved
from .validate import regions

if TYPE_CHECKING:
    from ....stages.model import Model
    from ...config import Config

__all__ = ["Calibrated", "calibrate_positions"]

_THRESHOLDS = tuple(np.linspace(0.1, 0.9, 17).round(2).tolist())
_EACH = 2000  # cells of a picture that the regression sees: neighbours tell little more


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and how well words are found by it.

    Attributes:
        calibration: of one map.
        threshold: the probability at which words were found best, which the calibration moves
            to 0.5.
        iou_h: H of words by IoU there, on the rendered pictures.
    """

    calibration: Calibration
    threshold: float
    iou_h: float


@dataclass(frozen=True)
class _Shown:
    """A picture as one pass shows it: H of every vector float32 [V, h, w], classes uint8 [h, w]."""

    heat: NDArray[np.float32]
    classes: NDArray[np.uint8]
    grid: Grid
    picture: Rendering


def calibrate_positions(
    model: Model,
    one: Pass,
    vectors: Sequence[Vector],
    pictures: Sequence[Rendering],
    config: Config,
) -> Iterator[Calibrated]:
    """Fit slope and intercept for the maps of a pass, so that 0.5 is where words are found best.

    First a logistic regression of "this position is of the class" on H, over all positions that
    count. Where to cut depends on what follows: the threshold with the best H of words (IoU), boxes
    made as the config says, then becomes 0.5 by a shift of the intercept.

    Args:
        model: its weights and tables.
        one: how pictures are shown.
        vectors: the maps wanted of it.
        pictures: rendered, with their words.
        config: how boxes are made.
    """
    weights = np.stack([vector.values for vector in vectors])
    shown = [_show(model, one, weights, picture) for picture in pictures]
    for index, vector in enumerate(vectors):
        slope, intercept = _regression(shown, index, vector)
        best, found = 0.5, 0.0
        if vector.classes == (TEXT,):
            heats = [expit(slope * each.heat[index] + intercept) for each in shown]
            scores = {t: _words_found(shown, heats, t, config) for t in _THRESHOLDS}
            best = max(scores, key=lambda t: (scores[t], -abs(t - 0.5)))
            found = scores[best]
        calibration = Calibration(
            weights=vector.weights,
            resolution=one.resolution,
            polarity=one.polarity,
            scale=one.scale,
            label=vector.label,
            slope=float(f"{slope:.6g}"),
            intercept=float(f"{intercept - math.log(best / (1 - best)):.6g}"),
        )
        yield Calibrated(calibration, float(best), found)


def _show(model: Model, one: Pass, weights: NDArray[np.float32], picture: Rendering) -> _Shown:
    features = infer(
        model,
        picture.rgb,
        resolution=one.resolution,
        scale=one.scale,
        polarity=one.polarity,
        padding="zeros",
    )
    height, width = features.grid.shape
    words = [moved(word, np.zeros(2), one.scale) for word in picture.words]
    classes = label(words, STRIDE * width, STRIDE * height).classes
    heat = np.tensordot(weights, features.maps, axes=1).astype(np.float32)
    return _Shown(heat, classes, features.grid, picture)


def _regression(shown: Sequence[_Shown], index: int, vector: Vector) -> tuple[float, float]:
    """Return slope and intercept over positions, drawn evenly from each picture."""
    heat, of_class = [], []
    for each in shown:
        cells = np.flatnonzero(each.classes != IGNORED)
        cells = cells[:: max(1, len(cells) // _EACH)]
        heat.append(each.heat[index].ravel()[cells])
        of_class.append(np.isin(each.classes.ravel()[cells], vector.classes))
    values, positive = np.concatenate(heat), np.concatenate(of_class)
    return fit(values[positive], values[~positive], prior=float(positive.mean()))


def _words_found(
    shown: Sequence[_Shown], heats: Sequence[NDArray[np.float32]], value: float, config: Config
) -> float:
    """Return H of words by IoU with one threshold."""
    options = config.boxes.model_dump(exclude={"classify", "max"})
    pictures = []
    for number, (each, values) in enumerate(zip(shown, heats, strict=True)):
        heat = Heatmap(values[None].astype(np.float32), ("text",), each.grid)
        mask = threshold(heat, value=value)
        boxes = find_boxes(mask, heat, maximum=config.boxes.max, **options)
        polygons = [np.array(box.polygon) for box in boxes.items]
        size = each.grid.picture
        pictures.append(Picture(str(number), size, regions(each.picture), polygons))
    return score(pictures, ["icdar2015"]).totals["icdar2015"].score.h
