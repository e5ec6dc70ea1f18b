"""`locpipe calibrate` for the text network: scale and threshold of its maps, by rendered pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.random import default_rng
from numpy.typing import NDArray
from tqdm import tqdm

from ....stages.infer import infer
from ....stages.model import load_model
from ..calibrate import Fit, Pass, Vector, fitted
from ..calibrating import asked_for, merged, report
from ..card import made_with, write_card
from ..scene_text.render import Renderer
from ..scene_text.truth import Rendering
from .labels import IGNORED, STRIDE, label
from .samples import resized
from .weighing import rendered_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....stages.model import Model
    from ...config import Config

__all__ = ["calibrate_text"]

_SEED = 9_000_000
_CELLS = 4000  # looked at of a picture: neighbours tell little more


def calibrate_text(
    folder: Path,
    configs: Sequence[Config],
    *,
    every_kind: bool,
    backgrounds: Path | None,
    count: int,
    seed: int,
) -> str:
    """Fit all calibrations that run configs ask for, write them into the model, return a report.

    A calibrated map is the probability of its class at a position, as often as that class is met
    on rendered pictures.

    Raises:
        ModelError: it is no text model, has no tables, or lacks a label.
        ConfigError: there are no fonts, words or backgrounds.
        OutputError: the folder of the model cannot be written.
    """
    model = load_model(folder)
    settings = rendered_settings(folder, model.card, backgrounds, _SEED + seed)
    renderer = Renderer(settings)
    asked = asked_for(model, configs, every_kind=every_kind)
    torch.set_num_threads(1)
    shown = tqdm(range(count), "calibrating", disable=None, unit="picture")
    fits = _fits(model, asked, (renderer.render(index) for index in shown))
    about: dict[str, Any] = {
        "data": "positions of rendered pictures",
        "pictures": count,
        "seed": settings.seed,
        **made_with("numpy", "opencv-python", "scipy", "torch"),
    }
    kept = merged(model.card.calibrations, [one.calibration for one in fits])
    write_card(
        folder, model.card.model_copy(update={"calibration": about, "calibrations": kept})
    )
    return report(fits)


def _fits(
    model: Model, asked: Mapping[Pass, Sequence[Vector]], pictures: Iterable[Rendering]
) -> list[Fit]:
    heat: dict[Pass, list[NDArray[np.float32]]] = {one: [] for one in asked}
    classes: dict[Pass, list[NDArray[np.uint8]]] = {one: [] for one in asked}
    for index, picture in enumerate(pictures):
        for one, vectors in asked.items():
            values, labels = _look(model, picture, one, vectors, index)
            heat[one].append(values)
            classes[one].append(labels)
    return [
        fitted(vector, one, values[np.isin(labels, vector.classes)], values[~np.isin(labels, vector.classes)], _share(labels, vector))
        for one, vectors in asked.items()
        for labels in [np.concatenate(classes[one])]
        for vector, values in zip(vectors, np.concatenate(heat[one], axis=1), strict=True)
    ]
