"""Model folders: what `train`, `weigh` and `calibrate` write into them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from safetensors.numpy import save as serialize_arrays
from safetensors.torch import save as serialize_tensors

from ...stages.models.card import InputSpec, ModelCard
from ...stages.models.folder import TABLES_FILE, WEIGHTS_FILE
from ...stages.paths import sha256_of
from ..output.atomic import write_whole
from .digits.train import CHECKPOINT_FILE, CLASSES, Quality, Trained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .digits.config import TrainConfig

__all__ = ["describe_quality", "made_with", "write_card", "write_model", "write_tables"]


def write_model(config: TrainConfig, trained: Trained) -> ModelCard:
    """Write what a training made as a model folder, the card last, and drop the checkpoint.

    Raises:
        OutputError: the folder cannot be written.
    """
    weights = config.output / WEIGHTS_FILE
    write_whole(weights, serialize_tensors(trained.network.state_dict()))
    card = ModelCard(
        schema="locpipe/model/1",
        name=config.name,
        description="The network of the AdGAP paper (Table 1), trained on the digits of MNIST",
        architecture=config.architecture,
        classes=CLASSES,
        groups={"text": CLASSES},
        input=InputSpec(
            channels=1, width=28, height=28, object_size=20, mean=(0,), std=(1,), stretch=True
        ),
        files={WEIGHTS_FILE: sha256_of(weights)},
        training={
            "data": "MNIST, 60,000 training digits",
            "settings": config.model_dump(mode="json", exclude={"name", "output", "data"}),
            **made_with("torch"),
        },
        quality={"mnist_test": describe_quality(trained.quality)},
    )
    write_card(config.output, card)
    (config.output / CHECKPOINT_FILE).unlink(missing_ok=True)
    return card


def describe_quality(quality: Quality) -> dict[str, Any]:
    """Return a quality as the card keeps it."""
    return {
        "samples": len(quality.labels),
        "accuracy": quality.accuracy,
        "error": quality.error,
        "accuracy_per_class": dict(zip(CLASSES, quality.per_class(), strict=True)),
    }


def made_with(*packages: str) -> dict[str, Any]:
    """Return what may change the numbers: versions of Python, locpipe and packages."""
    versions = {name: version(name) for name in ("locpipe", *packages)}
    return {"made_with": {"python": platform.python_version(), **versions}}


def write_tables(
    folder: Path,
    card: ModelCard,
    tables: Mapping[str, NDArray[np.generic]],
    about: dict[str, Any],
) -> None:
    """Replace the tables of a model, then its card.

    Killed in between, the model fails its checksum until `locpipe weigh` is run again.

    Args:
        folder: of the model.
        card: as it was.
        tables: those of `Tables` that are stored.
        about: how they were measured.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_whole(folder / TABLES_FILE, serialize_arrays(dict(tables)))
    files = card.files | {TABLES_FILE: sha256_of(folder / TABLES_FILE)}
    # Calibrations belong to the tables they were fitted on.
    changes = {"files": files, "tables": about, "calibration": {}, "calibrations": ()}
    write_card(folder, card.model_copy(update=changes))


def write_card(folder: Path, card: ModelCard) -> None:
    """Write `model.yaml`.

    Raises:
        OutputError: it cannot be written.
    """
    text = yaml.safe_dump(
        card.model_dump(mode="json", by_alias=True),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=200,
    )
    write_whole(folder / "model.yaml", text.encode())
