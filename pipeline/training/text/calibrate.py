"""`locpipe calibrate` for the text network: scale and threshold of maps, fitted on renderings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from ....stages.boxes import find_boxes
from ....stages.errors import ConfigError
from ....stages.geometry.grid import Grid
from ....stages.heatmap import Heatmap
from ....stages.infer import infer
from ....stages.models.card import Calibration
from ....stages.models.loading import Model, load_model
from ....stages.passes import fitted
from ....stages.settings import ThresholdSettings
from ....stages.threshold import threshold
from ...config.sections import Config
from ...evaluation.overlaps import ComparedPicture
from ...evaluation.score import score
from ..calibration import Pass, Request, Vector, asked_for, calibration, fit
from ..card import made_with, write_calibrations
from ..scene_text.render import Renderer
from ..scene_text.settings import Proportions
from ..scene_text.truth import Rendering
from ..watched import watched
from .card import rendered_settings
from .labels import IGNORED, STRIDE, TEXT, label
from .samples import moved
from .validate import regions

_SEED = 9_000_000
# Like photographs of users: some have text, which seldom fills the picture.
PHOTOGRAPHS = {
    "width": 1024,
    "height": 768,
    "kinds": Proportions(negative=0.5, near=0.2, far=0.25, document=0.03, large=0.02),
}
# Log-odds of the thresholds tried.
_LOWS = np.arange(-2, 1.01, 0.25)
_HIGHS = np.arange(0.5, 5.8, 0.75)
# IoU alone accepts boxes that cut letters off; DetEval alone accepts lines for words.
_PROTOCOLS = ("icdar2015", "deteval")
_NEAR = 0.04  # of H: this close to the best, the curve is a paraboloid
_EACH = 2000  # cells per picture in the regression; more cells would add little information


@dataclass(frozen=True)
class Calibrated:
    """A calibration of one map, and how well words are found by it.

    `low` is the probability of the regression at which words are found best. The calibration moves
    it to the threshold of the config (with `hysteresis`, to the lower one). `high` is the same for
    the upper threshold of `hysteresis`; otherwise it equals `low`. `found` is H of words on the
    rendered pictures at these thresholds, the mean of IoU and DetEval.
    """

    calibration: Calibration
    low: float
    high: float
    found: float


@dataclass(frozen=True)
class ShownPicture:
    """A picture as one pass shows it: H of every vector float32 [V, h, w], classes uint8 [h, w]."""

    heat: NDArray[np.float32]
    classes: NDArray[np.uint8]
    grid: Grid
    picture: Rendering


def calibrate_text(folder: Path, request: Request) -> str:
    """Fit all requested calibrations, write them into the model, return a report.

    How the configs make boxes decides which threshold is best.

    Raises:
        ModelError: it is no text model, has no tables, or lacks a label.
        ConfigError: there are no fonts, words or backgrounds.
        OutputError: the folder of the model cannot be written.
    """
    model = load_model(folder)
    settings = rendered_settings(folder, model.card, request.backgrounds, _SEED + request.seed)
    settings = settings.model_copy(update=PHOTOGRAPHS)
    torch.set_num_threads(1)
    renderer = Renderer(settings)
    shown = watched(range(request.count), "rendering", request.count)
    pictures = [renderer.render(index) for index in shown]
    fits = [
        fit
        for config in request.configs
        for one, vectors in asked_for(model, [config], every_kind=request.every_kind).items()
        for fit in calibrate_positions(model, one, vectors, pictures, config)
    ]
    about = {"data": "positions of rendered pictures", "pictures": request.count}
    about |= {"seed": settings.seed, **made_with("numpy", "opencv-python", "scipy", "torch")}
    write_calibrations(folder, model.card, (one.calibration for one in fits), about)
    return "\n".join(_report(fits))


def calibrate_positions(
    model: Model,
    one: Pass,
    vectors: Sequence[Vector],
    pictures: Sequence[Rendering],
    config: Config,
) -> Iterator[Calibrated]:
    """Fit slope and intercept for the maps of a pass, so that the config's thresholds are the best.

    First, a logistic regression predicts from H whether a position is of the class, over all
    positions that count. The best threshold depends on the later stages. So boxes are made as the
    config says, and the thresholds with the best H of words are chosen. An affine change of the
    log-odds moves these to the thresholds of the config. For `hysteresis`, the lower one says where
    a core ends, the upper one how sure a core must be.

    Args:
        model: its weights and tables.
        one: how pictures are shown.
        vectors: the maps wanted of the pass.
        pictures: rendered pictures with their words. The share without words should be as in the
            user's pictures.
        config: its thresholds, and how boxes are made.

    Raises:
        ConfigError: there is no word on the pictures.
    """
    weights = np.stack([vector.values for vector in vectors])
    shown = [shown_by(model, one, weights, picture, config) for picture in pictures]
    for index, vector in enumerate(vectors):
        slope, intercept = _regression(shown, index, vector)
        best = _Cut(0.0, 0.0, 0.0)
        if vector.classes == (TEXT,) and slope > 0:
            log_odds = [slope * each.heat[index] + intercept for each in shown]
            best = _best_cut(shown, log_odds, config)
        stretch, shift = _moved_to(best, config.threshold)
        kept = calibration(vector, one, stretch * slope, stretch * intercept + shift)
        low, high = expit([best.low, best.high]).tolist()
        yield Calibrated(kept, low, high, best.found)


class _Cut(NamedTuple):
    low: float  # log-odds
    high: float
    found: float


def _best_cut(
    shown: Sequence[ShownPicture], log_odds: Sequence[NDArray[np.float32]], config: Config
) -> _Cut:
    """Return the thresholds that find words best, from a grid of both."""
    if config.threshold.method == "hysteresis":
        tried = np.array([(low, high) for low in _LOWS for high in _HIGHS if low <= high])
    else:
        tried = _LOWS[:, None]
    found = [_words_found(shown, log_odds, cut[0], cut[-1], config) for cut in tried.tolist()]
    best = top_of(tried, np.array(found)).tolist()
    low, high = best[0], max(best[0], best[-1])
    return _Cut(low, high, _words_found(shown, log_odds, low, high, config))


def top_of(tried: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the top of a paraboloid through all thresholds that are nearly the best.

    The number of words found hardly changes around the best thresholds, so the highest point is
    chance.

    Args:
        tried: thresholds, one or two per cut, float64 [N, D].
        found: H of words with them, float64 [N].

    Returns:
        The thresholds, float64 [D], within the range of nearly best ones. If these are too few for
        a paraboloid, or it has no top, the best tried thresholds are returned.
    """
    near = found >= found.max() - _NEAR
    at = tried[near]
    pairs = list(combinations_with_replacement(range(at.shape[1]), 2))
    products = np.stack([at[:, i] * at[:, j] for i, j in pairs], axis=1)
    terms = np.column_stack([products, at, np.ones(len(at))])
    solution, _, rank, _ = np.linalg.lstsq(terms, found[near])
    bends, slopes = solution[: len(pairs)], solution[len(pairs) : -1]
    second = np.zeros((at.shape[1], at.shape[1]))
    for (i, j), bend in zip(pairs, bends, strict=True):
        second[i, j] += bend
        second[j, i] += bend
    if len(at) > rank == terms.shape[1] and np.linalg.eigvalsh(second).max() < 0:
        return np.clip(np.linalg.solve(second, -slopes), at.min(axis=0), at.max(axis=0))
    return np.asarray(tried[found.argmax()])


def _moved_to(cut: _Cut, options: ThresholdSettings) -> tuple[float, float]:
    """Return stretch and shift of log-odds that bring a cut to the thresholds of the config."""
    if options.method != "hysteresis":
        wanted = logit(options.value) if options.method == "fixed" else 0.0
        return 1.0, float(wanted - cut.low)
    low, high = logit([options.low, options.high]).tolist()
    stretch = (high - low) / (cut.high - cut.low) if high > low and cut.high > cut.low else 1.0
    return stretch, low - stretch * cut.low


def shown_by(
    model: Model, one: Pass, weights: NDArray[np.float32], picture: Rendering, config: Config
) -> ShownPicture:
    """Return the map of one picture in one pass, beside the truth."""
    scale = one.scale * fitted(config.infer, picture.rgb.shape[1], picture.rgb.shape[0])
    features = infer(
        model,
        picture.rgb,
        resolution=one.resolution,
        scale=scale,
        polarity=one.polarity,
        padding="zeros",
        precision=config.infer.precision,
        engine=config.infer.engine,
    )
    height, width = features.grid.shape
    words = [moved(word, np.zeros(2), scale) for word in picture.words]
    classes = label(words, STRIDE * width, STRIDE * height).classes
    heat = np.tensordot(weights, features.maps, axes=1).astype(np.float32)
    return ShownPicture(heat, classes, features.grid, picture)


def _regression(shown: Sequence[ShownPicture], index: int, vector: Vector) -> tuple[float, float]:
    """Return slope and intercept over positions, taken evenly from each picture."""
    heat, of_class = [], []
    for each in shown:
        cells = np.flatnonzero(each.classes != IGNORED)
        cells = cells[:: max(1, len(cells) // _EACH)]
        heat.append(each.heat[index].ravel()[cells])
        of_class.append(np.isin(each.classes.ravel()[cells], vector.classes))
    values, positive = np.concatenate(heat), np.concatenate(of_class)
    if positive.all() or not positive.any():
        msg = f"no word is on the {len(shown)} rendered pictures; calibrate on more (--canvases)"
        raise ConfigError(msg)
    return fit(values[positive], values[~positive], prior=float(positive.mean()))


def _words_found(
    shown: Sequence[ShownPicture],
    log_odds: Sequence[NDArray[np.float32]],
    low: float,
    high: float,
    config: Config,
) -> float:
    """Return the mean H of words with thresholds that are log-odds, for boxes without a margin.

    Rendered words end where their ink ends. Thresholds that compensate a margin would cut letters
    off.
    """
    options = config.boxes.options() | {"margin": 0.0}
    least, seed = expit([low, high]).tolist()
    pictures = []
    for number, (each, values) in enumerate(zip(shown, log_odds, strict=True)):
        heat = Heatmap(expit(values)[None].astype(np.float32), ("text",), each.grid)
        mask = threshold(heat, method="hysteresis", low=least, high=seed)
        boxes = find_boxes(mask, heat, **options)
        polygons = [np.array(box.polygon) for box in boxes.items]
        size = each.grid.picture
        pictures.append(ComparedPicture(str(number), size, regions(each.picture), polygons))
    return float(np.mean([total.score.h for total in score(pictures, _PROTOCOLS).totals.values()]))


def _report(fits: Iterable[Calibrated]) -> Iterator[str]:
    yield "weights     polarity  scale  label  best low  best high      rendered H  slope  intercept"
    for one in fits:
        c = one.calibration
        yield (
            f"{c.weights:<10}  {c.polarity:<8}  {c.scale:5.3g}  {c.label:<5}  {one.low:8.2f}"
            f"  {one.high:9.2f}  {one.found:14.3f}  {c.slope:.4g}  {c.intercept:.4g}"
        )
