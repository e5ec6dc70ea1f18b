"""`locpipe calibrate`: a model folder and run configs in, calibrations and a report out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from tqdm import tqdm

from ....stages.errors import ConfigError
from ....stages.heatmap import filter_weights
from ....stages.models.loading import find_model, load_model, read_card
from ....stages.settings import Weights
from ...picture.localize import labels_of
from ..card import made_with, write_card
from .calibrate import PRIOR, Fit, Pass, Vector, calibrate
from .canvases import Canvas, background_files, draw, mosaic, procedural
from .mnist import Digits, read_mnist
from .train import CLASSES

if TYPE_CHECKING:
    from ....stages.models.card import Calibration
    from ....stages.models.loading import Model
    from ...config.sections import Config

__all__ = ["KINDS", "Material", "asked_for", "by_map", "calibrate_model", "canvases"]

_SIZE = (480, 360)
# Those with tables: class maps of the classifier itself are log-odds as they are.
KINDS: tuple[Weights, ...] = tuple(kind for kind in get_args(Weights) if kind != "classifier")


@dataclass(frozen=True)
class Material:
    """What canvases are made of: digits, photographs (or none), how many canvases, the seed."""

    digits: Digits
    photographs: tuple[Path, ...]
    count: int
    seed: int


def calibrate_model(
    name_or_path: str,
    configs: Sequence[Config],
    *,
    every_kind: bool,
    data: Path | None,
    backgrounds: Path | None,
    count: int,
    seed: int,
) -> str:
    """Fit all calibrations that run configs ask for, write them into the model, return a report.

    Raises:
        ModelError: there is no such model, it has no tables, or it lacks a label.
        ConfigError: its classes are not the ten digits, there is no MNIST, or there are no
            photographs in the folder given.
        OutputError: the folder of the model cannot be written.
    """
    folder = find_model(name_or_path)
    card = read_card(folder)
    if card.classes != CLASSES:
        msg = (
            f"{folder}: locpipe calibrate is for models of digits and of text, and this one tells "
            f"{', '.join(card.classes[:3])} ...; use it with `heatmap.normalize: minmax`"
        )
        raise ConfigError(msg)
    model = load_model(folder)
    photographs = background_files(backgrounds, held_out=False) if backgrounds else ()
    material = Material(read_mnist(data, train=True), photographs, count, seed)
    asked = asked_for(model, configs, every_kind=every_kind)
    # The order of float additions, and so the last digits, would depend on the cores at hand.
    torch.set_num_threads(1)
    drawn = tqdm(canvases(material), "calibrating", count, disable=None, unit="canvas")
    fits = list(calibrate(model, asked, drawn, seed))
    about = {
        "data": f"MNIST training digits, {len(photographs)} photographs",
        "canvases": count,
        "seed": seed,
        "prior": PRIOR,
        **made_with("numpy", "opencv-python", "scipy", "torch"),
    }
    kept = by_map((*model.card.calibrations, *(one.calibration for one in fits)))
    changes = {"calibration": about, "calibrations": kept}
    write_card(folder, model.card.model_copy(update=changes))
    return report(fits)


def asked_for(
    model: Model, configs: Sequence[Config], *, every_kind: bool
) -> dict[Pass, tuple[Vector, ...]]:
    """Return every pass over a picture that the configs make, and the maps they want of it.

    Args:
        model: gives the weight vectors.
        configs: of runs with the model.
        every_kind: want the maps of all kinds of weights, not only of the config's own.
    """
    wanted: dict[Pass, dict[tuple[Weights, str], Vector]] = {}
    for config in configs:
        vectors = {
            (kind, name): Vector(kind, name, model.card.members(name), values)
            for kind in (KINDS if every_kind else (config.heatmap.weights,))
            for label in labels_of(model.card, config)
            for name, values in filter_weights(
                model, label, weights=kind, group=config.heatmap.group
            )
        }
        for one in _passes(config):
            wanted.setdefault(one, {}).update(vectors)
    return {one: tuple(vectors.values()) for one, vectors in wanted.items()}


def canvases(material: Material) -> Iterator[Canvas]:
    """Yield canvases on black, made-up and, where there are any, photographic ground in turn."""
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


def _passes(config: Config) -> list[Pass]:
    options = config.infer
    both = options.polarity == "both"
    return [
        Pass(options.resolution, polarity, scale)
        for scale in options.scale
        for polarity in (("normal", "inverted") if both else (options.polarity,))
    ]


def _ground(random: Generator, photographs: Sequence[Path], kind: int) -> NDArray[np.uint8]:
    if kind == 0:
        return np.zeros((_SIZE[1], _SIZE[0], 3), np.uint8)
    if kind == 1 or not photographs:
        return procedural(random, *_SIZE)
    return mosaic(random, photographs, *_SIZE)


def by_map(calibrations: Iterable[Calibration]) -> tuple[Calibration, ...]:
    """Return the last calibration of every map, in an order of their own."""
    last = {(c.weights, c.resolution, c.polarity, c.label, c.scale): c for c in calibrations}
    return tuple(last[key] for key in sorted(last))
