"""The model folder that a text training writes, and what it says of its pictures."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors.torch import save as serialize_tensors

from ....stages.errors import ModelError
from ....stages.models.card import ModelCard
from ....stages.models.folder import WEIGHTS_FILE
from ....stages.nets import Network
from ....stages.nets.cost import cost
from ....stages.paths import sha256_of
from ...output.atomic import write_whole
from ..card import made_with, write_card
from ..scene_text.settings import RenderSettings
from .config import TextTrainConfig
from .labels import CLASSES, SHRINK
from .loop import TrainedText
from .validate import INPUT, RENDERED_SEED

_SIDE = 512


def write_model(config: TextTrainConfig, trained: TrainedText) -> ModelCard:
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


def _settings(config: TextTrainConfig) -> dict[str, Any]:
    """Return the settings without the places of this machine, which are nobody's business."""
    settings = config.model_dump(mode="json", exclude={"name", "output", "validation"})
    settings["render"]["backgrounds"] = [folder.name for folder in config.render.backgrounds]
    return settings


def _size(network: Network) -> dict[str, float]:
    parameters, macs = cost(network, INPUT.channels)
    return {"parameters": parameters, "mac_per_pixel": round(macs, 1)}
