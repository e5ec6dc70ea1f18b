"""`locpipe weigh` for the text network: a model folder in, its tables and a report out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from pydantic import ValidationError
from tqdm import tqdm

from ....stages.errors import ModelError
from ....stages.heatmap import filter_weights
from ....stages.models.card import ModelCard
from ....stages.models.folder import WEIGHTS_FILE
from ....stages.models.loading import Model, load_model, load_network, read_card
from ....stages.paths import sha256_of
from ..card import made_with, write_tables
from ..digits.calibrating import KINDS
from ..scene_text.render import Renderer
from ..scene_text.settings import RenderSettings
from .labels import TEXT
from .samples import Batch
from .validate import as_input
from .weigh import weigh_positions

__all__ = ["SEED", "rendered_settings", "report", "weigh_text"]

SEED = 8_000_000
"""Added to the renderer's seed: neither trained on nor validated on."""
_PICTURES = 192
_SIDE = 512


def weigh_text(folder: Path, backgrounds: Path | None) -> str:
    """Measure the tables of a text model on rendered pictures, write them, return a report.

    Args:
        folder: of the model.
        backgrounds: folder of photographs without text; None: that of the training.

    Raises:
        ModelError: the model is not one of text, or its weights were changed.
        ConfigError: there are no fonts, words or backgrounds.
        OutputError: the folder of the model cannot be written.
    """
    card = read_card(folder)
    file = folder / WEIGHTS_FILE
    if not file.is_file() or sha256_of(file) != card.files.get(WEIGHTS_FILE):
        msg = f"{file} is missing or not what model.yaml says; train or fetch the model again"
        raise ModelError(msg)
    settings = rendered_settings(folder, card, backgrounds, SEED)
    torch.set_num_threads(1)
    tables = weigh_positions(load_network(folder), _batches(settings))
    about = {"data": "positions of rendered pictures", "pictures": _PICTURES, "seed": settings.seed}
    write_tables(folder, card, vars(tables), about | made_with("torch"))
    return report(load_model(folder))


def rendered_settings(
    folder: Path, card: ModelCard, backgrounds: Path | None, seed: int
) -> RenderSettings:
    """Return the renderer of a model's training, for other pictures of 512 x 512.

    Args:
        folder: of the model.
        card: of the model.
        backgrounds: folder of photographs; None: that of the training.
        seed: added to that of the training.

    Raises:
        ModelError: the card does not say how its pictures were rendered.
    """
    try:
        trained_on = RenderSettings.model_validate(card.training["settings"]["render"])
    except (KeyError, TypeError, ValidationError) as error:
        msg = f"{folder} does not say what it was trained on ({error}); train it by locpipe train"
        raise ModelError(msg) from error
    changes: dict[str, object] = {"seed": trained_on.seed + seed, "width": _SIDE, "height": _SIDE}
    if backgrounds is not None:
        changes["backgrounds"] = (backgrounds,)
    return trained_on.model_copy(update=changes)


def report(model: Model) -> str:
    """Return a table of the weights of every filter for cores of words, by each kind."""
    name = model.card.classes[TEXT]
    columns = [filter_weights(model, name, weights=kind)[0][1].tolist() for kind in KINDS]
    lines = ["filter" + "".join(f"{kind:>12}" for kind in KINDS)]
    for index, row in enumerate(zip(*columns, strict=True)):
        lines.append(f"{index:6}" + "".join(f"{value:12.4f}" for value in row))
    return "\n".join(lines)


def _batches(settings: RenderSettings) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    renderer = Renderer(settings)
    for index in tqdm(range(_PICTURES), "weighing", disable=None, unit="picture"):
        rendering = renderer.render(index)
        batch = Batch.of([(rendering.rgb, rendering.words)])
        yield as_input(batch.pictures, torch.device("cpu")), torch.from_numpy(batch.classes)
