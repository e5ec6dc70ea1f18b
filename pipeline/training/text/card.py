"""The model folder that a text training writes."""

from __future__ import annotations

from typing import Any

from safetensors.torch import save as serialize_tensors

from ....stages.models.card import ModelCard
from ....stages.models.folder import WEIGHTS_FILE
from ....stages.nets import Network
from ....stages.nets.cost import cost
from ....stages.paths import sha256_of
from ...output.atomic import write_whole
from ..card import made_with, write_card
from .config import TextTrainConfig
from .labels import CLASSES, SHRINK
from .train import Trained
from .validate import INPUT, RENDERED_SEED

__all__ = ["write_model"]


def write_model(config: TextTrainConfig, trained: Trained) -> ModelCard:
    """Write the averaged weights of a training, and what they are, as a model folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    weights = config.output / WEIGHTS_FILE
    tensors = {name: value.contiguous() for name, value in trained.network.state_dict().items()}
    write_whole(weights, serialize_tensors(tensors))
    measured = trained.curve[-1]
    steps = measured["step"]
    card = ModelCard(
        schema="locpipe/model/1",
        name=config.name,
        description="Tells cores of words, the gaps around them and background apart, everywhere",
        architecture=config.architecture,
        classes=CLASSES,
        input=INPUT,
        files={WEIGHTS_FILE: sha256_of(weights)},
        training={
            "data": "positions of rendered pictures; no human drew a box or chose a checkpoint",
            "steps": steps,
            "crops": steps * config.batch_size,
            "core": f"a word shrunk by {SHRINK} of its shorter side on all sides",
            "settings": _settings(config),
            **made_with("torch", "opencv-python", "pillow"),
        },
        quality={
            "size": _size(trained.network),
            "rendered": {
                "pictures": config.validation.pictures,
                "seed": config.render.seed + RENDERED_SEED,
                **{name: measured[name] for name in ("core_f", "iou_h", "threshold")},
            },
        },
    )
    write_card(config.output, card)
    return card


def _settings(config: TextTrainConfig) -> dict[str, Any]:
    """Return the settings without the places of this machine, which are nobody's business."""
    settings = config.model_dump(mode="json", exclude={"name", "output", "validation"})
    settings["render"]["backgrounds"] = [folder.name for folder in config.render.backgrounds]
    return settings


def _size(network: Network) -> dict[str, float]:
    parameters, macs = cost(network, INPUT.channels)
    return {"parameters": parameters, "mac_per_pixel": round(macs, 1)}
