"""The model folder that a text training writes, and what it says of its pictures."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ....stages.errors import ModelError
from ....stages.models.card import ModelCard
from ....stages.nets.cost import cost
from ..card import made_with, write_card, write_weights
from ..scene_text.settings import RenderSettings
from .config import TextTrainConfig
from .labels import CLASSES, SHRINK
from .loop import TrainedText
from .validate import INPUT, RENDERED_SEED

_SIDE = 512


def write_model(config: TextTrainConfig, trained: TrainedText) -> ModelCard:
    """Write the averaged weights of a training and their card as a model folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    measured = trained.curve[-1]
    steps = measured["step"]
    parameters, macs = cost(trained.network, INPUT.channels)
    card = ModelCard(
        schema="locpipe/model/1",
        name=config.name,
        description="Tells cores of words, the gaps around them and background apart, everywhere",
        architecture=config.architecture,
        classes=CLASSES,
        input=INPUT,
        files=write_weights(config.output, trained.network),
        training={
            "data": _data(config),
            "steps": steps,
            "crops": steps * config.batch_size,
            "core": f"a word shrunk by {SHRINK} of its shorter side on all sides",
            "settings": _settings(config),
            **made_with("torch", "opencv-python", "pillow"),
        },
        quality={
            "size": {"parameters": parameters, "mac_per_pixel": round(macs, 1)},
            "rendered": {
                "pictures": config.validation.pictures,
                "seed": config.render.seed + RENDERED_SEED,
                **{name: measured[name] for name in ("core_f", "iou_h", "threshold")},
            },
        },
    )
    write_card(config.output, card)
    return card


def is_text(card: ModelCard) -> bool:
    """Say whether a model is one of text, whatever its network."""
    return card.classes == CLASSES


def rendered_settings(
    folder: Path, card: ModelCard, backgrounds: Path | None, seed: int
) -> RenderSettings:
    """Return the settings of the renderer of a model's training, for other pictures of 512 x 512.

    The seed is added to that of the training. Photographs of another folder may be its backgrounds.

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


def _data(config: TextTrainConfig) -> str:
    taught = " and of unlabelled photographs" if config.unlabelled else ""
    return f"positions of rendered pictures{taught}; no human drew a box or chose a checkpoint"


def _settings(config: TextTrainConfig) -> dict[str, Any]:
    """Return the settings without the paths of this machine, which are private."""
    settings = config.model_dump(mode="json", exclude={"name", "output", "validation"})
    settings["start"] = config.start and Path(config.start).name
    settings["teachers"] = [Path(teacher).name for teacher in config.teachers]
    settings["unlabelled"] = [folder.name for folder in config.unlabelled]
    settings["render"]["backgrounds"] = [folder.name for folder in config.render.backgrounds]
    return settings
