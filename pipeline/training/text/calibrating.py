"""`locpipe calibrate` for the text network: a model folder and run configs in, calibrations out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from ....stages.models.loading import load_model
from ..card import made_with, write_card
from ..digits.calibrating import asked_for, by_map
from ..scene_text.render import Renderer
from ..scene_text.settings import Proportions
from .calibrate import Calibrated, calibrate_positions
from .weighing import rendered_settings

if TYPE_CHECKING:
    from ...config.sections import Config

__all__ = ["PHOTOGRAPHS", "calibrate_text"]

_SEED = 9_000_000
# As users' photographs are: some of them have text, and that seldom fills the picture.
PHOTOGRAPHS = {
    "width": 1024,
    "height": 768,
    "kinds": Proportions(negative=0.5, near=0.2, far=0.25, document=0.03, large=0.02),
}


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

    Args:
        folder: of the model.
        configs: of runs with the model; how they make boxes decides which threshold is best.
        every_kind: for all kinds of weights, not only the configs' own.
        backgrounds: folder of photographs without text; None: that of the training.
        count: rendered pictures to look at.
        seed: of the pictures.

    Raises:
        ModelError: it is no text model, has no tables, or lacks a label.
        ConfigError: there are no fonts, words or backgrounds.
        OutputError: the folder of the model cannot be written.
    """
    model = load_model(folder)
    settings = rendered_settings(folder, model.card, backgrounds, _SEED + seed)
    settings = settings.model_copy(update=PHOTOGRAPHS)
    torch.set_num_threads(1)
    renderer = Renderer(settings)
    shown = tqdm(range(count), "rendering", disable=None, unit="picture")
    pictures = [renderer.render(index) for index in shown]
    fits = [
        fit
        for config in configs
        for one, vectors in asked_for(model, [config], every_kind=every_kind).items()
        for fit in calibrate_positions(model, one, vectors, pictures, config)
    ]
    about = {"data": "positions of rendered pictures", "pictures": count, "seed": settings.seed}
    about |= made_with("numpy", "opencv-python", "scipy", "torch")
    kept = by_map((*model.card.calibrations, *(one.calibration for one in fits)))
    changes = {"calibration": about, "calibrations": kept}
    write_card(folder, model.card.model_copy(update=changes))
    return "\n".join(_report(fits))


def _report(fits: Iterable[Calibrated]) -> Iterator[str]:
    yield "weights     polarity  scale  label  best low  best high      rendered H  slope  intercept"
    for one in fits:
        c = one.calibration
        yield (
            f"{c.weights:<10}  {c.polarity:<8}  {c.scale:5.3g}  {c.label:<5}  {one.low:8.2f}"
            f"  {one.high:9.2f}  {one.found:14.3f}  {c.slope:.4g}  {c.intercept:.4g}"
        )
