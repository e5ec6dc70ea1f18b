"""`locpipe calibrate` for digits, on canvases with digits at known places."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from ....stages.errors import ConfigError
from ....stages.geometry.grid import Grid
from ....stages.infer import infer
from ....stages.models.card import Calibration
from ....stages.models.loading import Model, load_model, read_card
from ....stages.settings import Polarity
from ...config.file import CONFIG_FILE
from ..calibration import PRIOR, Pass, Request, Vector, asked_for, calibration, fit
from ..card import made_with, write_calibrations
from ..watched import watched
from .canvases import Canvas, background_files, draw, mosaic, procedural
from .mnist import CLASSES, Digits, read_mnist

_SIZE = (480, 360)
# Cells used per canvas: more cells would add little information.
_POSITIVES, _NEGATIVES = 300, 1000


@dataclass(frozen=True)
class Material:
    """The material of canvases: digits, photographs (or none), their number, and the seed."""

    digits: Digits
    photographs: tuple[Path, ...]
    count: int
    seed: int


@dataclass(frozen=True)
class Fit:
    """A calibration, and how well its map separates ink from ground.

    `auc` is the area under the ROC curve: the chance that a cell of ink is hotter than one of
    ground. `lit` is the share of ground whose probability exceeds 0.5.
    """

    calibration: Calibration
    auc: float
    lit: float


def calibrate_digits(folder: Path, request: Request, data: Path | None) -> str:
    """Fit all requested calibrations, write them into the model, return a report.

    `data` is the folder of MNIST, see `read_mnist`.

    Raises:
        ModelError: the model has no tables, or it lacks a label.
        ConfigError: its classes are not the ten digits, there is no MNIST, or there are no
            photographs in the folder given.
        OutputError: the folder of the model cannot be written.
    """
    _require_digits(folder)
    model = load_model(folder)
    places, count, seed = request.backgrounds, request.count, request.seed
    photographs = background_files(places, held_out=False) if places else ()
    material = Material(read_mnist(data, train=True), photographs, count, seed)
    asked = asked_for(model, request.configs, every_kind=request.every_kind)
    # Otherwise the number of cores would change the order of additions, and so the last digits.
    torch.set_num_threads(1)
    drawn = watched(canvases(material), "calibrating", count, "canvases")
    fits = list(calibrate(model, asked, drawn, seed))
    about = {
        "data": f"MNIST training digits, {len(photographs)} photographs",
        "canvases": count,
        "seed": seed,
        "prior": PRIOR,
        **made_with("numpy", "opencv-python", "scipy", "torch"),
    }
    write_calibrations(folder, model.card, (one.calibration for one in fits), about)
    return report(fits)


def _require_digits(folder: Path) -> None:
    classes = read_card(folder).classes
    if classes != CLASSES:
        own = (folder / CONFIG_FILE).exists()
        remedy = f"`locpipe run {folder}`" if own else "`heatmap.normalize: minmax`"
        msg = (
            f"{folder}: locpipe calibrate is for models of digits and of text, and this one tells "
            f"{', '.join(classes[:3])} ...; nothing has to be calibrated: use it with {remedy}"
        )
        raise ConfigError(msg)


def calibrate(
    model: Model,
    asked: Mapping[Pass, Sequence[Vector]],
    canvases: Iterable[Canvas],
    seed: int,
) -> Iterator[Fit]:
    """Fit slope and intercept for every requested map.

    Positives are cells on the ink of digits of the label. The polarity `normal` takes digits that
    are lighter than their ground, `inverted` darker ones. Negatives are cells outside the boxes of
    all digits.

    Args:
        model: its weights and tables; its calibrations are not used.
        asked: the maps, grouped by the pass over a picture that they come from.
        canvases: read once, one at a time.
        seed: chooses the cells; they do not depend on the other requests.

    Raises:
        ConfigError: the canvases lack ink or ground for a map.
    """
    seen: dict[Pass, list[_Cells]] = {one: [] for one in asked}
    for index, canvas in enumerate(canvases):
        for one, vectors in asked.items():
            seen[one].append(_look(model, canvas, one, vectors, default_rng([seed, index])))
    for one, vectors in asked.items():
        heat = np.concatenate([heat for heat, _ in seen[one]], axis=1)
        labels = np.concatenate([labels for _, labels in seen[one]])
        for vector, of_vector in zip(vectors, heat, strict=True):
            positive = of_vector[np.isin(labels, vector.classes)]
            yield _fitted(vector, one, positive, of_vector[labels < 0])


def canvases(material: Material) -> Iterator[Canvas]:
    """Yield canvases whose ground is black, made up, and photographic (if there are any) in turn."""
    random = default_rng(material.seed)
    for index in range(material.count):
        ground = _ground(random, material.photographs, index % 3)
        yield draw(random, ground, material.digits, count=len(CLASSES))


def report(fits: Iterable[Fit]) -> str:
    """Return a table of what was fitted."""
    lines = ["weights     resolution  polarity  scale  label   AUC   ground lit  slope  intercept"]
    for one in fits:
        c = one.calibration
        lines.append(
            f"{c.weights:<10}  {c.resolution:<10}  {c.polarity:<8}  {c.scale:5.3g}  {c.label:<5}"
            f"  {one.auc:.3f}  {one.lit:9.2%}  {c.slope:9.4g}  {c.intercept:9.4g}"
        )
    return "\n".join(lines)


_Cells = tuple[NDArray[np.float32], NDArray[np.int64]]
"""H of V vectors at n cells of a canvas, [V, n], and the class of each cell or _GROUND, [n]."""


def _look(
    model: Model, canvas: Canvas, one: Pass, vectors: Sequence[Vector], random: Generator
) -> _Cells:
    features = infer(
        model, canvas.rgb, resolution=one.resolution, scale=one.scale, polarity=one.polarity
    )
    labels = _truth(canvas, features.grid, one.polarity).ravel()
    ink = _some(random, np.flatnonzero(labels >= 0), _POSITIVES)
    ground = _some(random, np.flatnonzero(labels == _GROUND), _NEGATIVES)
    cells = np.concatenate([ink, ground])
    weights = np.stack([vector.values for vector in vectors])
    maps = features.maps.reshape(len(features.maps), -1)[:, cells]
    return weights @ maps, labels[cells]


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
    return np.asarray(truth[y[:, None], x])


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
    lit = float(np.mean(slope * negative + intercept > 0))
    return Fit(calibration(vector, one, slope, intercept), _auc(positive, negative), lit)


def _auc(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    """Return the share of pairs in which the positive is greater; ties count half."""
    ground = np.sort(negative)
    below = np.searchsorted(ground, positive, side="left")
    not_above = np.searchsorted(ground, positive, side="right")
    return float(np.mean(below + not_above) / (2 * len(ground)))


def _ground(random: Generator, photographs: Sequence[Path], kind: int) -> NDArray[np.uint8]:
    if kind == 0:
        return np.zeros((_SIZE[1], _SIZE[0], 3), np.uint8)
    if kind == 1 or not photographs:
        return procedural(random, *_SIZE)
    return mosaic(random, photographs, *_SIZE)
