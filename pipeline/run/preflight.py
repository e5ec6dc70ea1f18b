"""A trial before a run, where a card does not tell whether its model can do what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...stages.errors import ConfigError, ModelError
from ...stages.labels import is_chosen_by_picture
from ...stages.load import Image
from ...stages.settings import RefineSettings
from ..picture.localize import localize

if TYPE_CHECKING:
    from ...stages.models.card import ModelCard
    from ...stages.models.loading import Model
    from ..config.sections import Config

__all__ = ["is_needed", "try_out"]


def is_needed(card: ModelCard, config: Config) -> bool:
    """Say whether only the network and its tables tell if the config works."""
    options = config.heatmap
    return (
        card.backbone is not None
        or config.boxes.classify
        or config.infer.resolution != "native"
        or options.normalize == "minmax"
        or options.weights == "classifier"
        or options.min_probability > 0
        or any(map(is_chosen_by_picture, options.labels))
    )


def try_out(model: Model, config: Config) -> None:
    """Look for what the config asks for on a blank picture of the size of the training.

    Raises:
        ConfigError: the model cannot do that; the message says what to change.
    """
    spec = model.card.input
    blank = np.zeros((spec.height, spec.width, 3), np.uint8)
    image = Image(blank, Path("blank.png"), 1, 1, 1, spec.width, spec.height)
    # There are no boxes to be classified on it, and no mask to be refined.
    boxes = config.boxes.model_copy(update={"classify": False})
    plain = config.model_copy(update={"boxes": boxes, "refine": RefineSettings()})
    try:
        localize(image, model, plain)
        if config.boxes.classify:
            _classify_all(model, image)
    except ModelError as error:
        raise ConfigError(str(error)) from error


def _classify_all(model: Model, image: Image) -> None:
    from ...stages.boxes import Box, Boxes  # noqa: PLC0415 - start-up time
    from ...stages.classify import classify  # noqa: PLC0415 - imports torch

    right, bottom = image.width, image.height
    corners = ((0, 0), (right, 0), (right, bottom), (0, bottom))
    whole = Box("", 1.0, corners, (0, 0, right, bottom))
    classify(model, image.rgb, Boxes((whole,)), polarities=("normal",))
