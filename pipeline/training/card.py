"""Writes model folders, for `weigh` and `calibrate` of every kind of model."""

import platform
import shlex
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors.numpy import save as serialize_arrays
from safetensors.torch import save as serialize_tensors
from torch import nn

from ...stages.errors import ModelError
from ...stages.models.card import Calibration, ModelCard
from ...stages.models.folder import TABLES_FILE, WEIGHTS_FILE
from ...stages.models.loading import read_card
from ...stages.paths import sha256_of
from ..config.file import CONFIG_FILE
from ..output.atomic import write_whole


def made_with(*packages: str) -> dict[str, Any]:
    """Return the versions of Python, locpipe and packages, which may change the numbers."""
    versions = {name: version(name) for name in ("locpipe", *packages)}
    return {"made_with": {"python": platform.python_version(), **versions}}


def require_weights(folder: Path, card: ModelCard) -> None:
    """Check that the weights of a model folder are those of its card.

    Raises:
        ModelError: they differ.
    """
    file = folder / WEIGHTS_FILE
    if not file.is_file() or sha256_of(file) != card.files.get(WEIGHTS_FILE):
        msg = f"{file} is missing or not what model.yaml says; train or fetch the model again"
        raise ModelError(msg)


def write_weights(folder: Path, network: nn.Module) -> dict[str, str]:
    """Write the weights of a network; return the sha256 of the file by its name.

    Raises:
        OutputError: the folder cannot be written.
    """
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    write_whole(folder / WEIGHTS_FILE, serialize_tensors(tensors))
    return {WEIGHTS_FILE: sha256_of(folder / WEIGHTS_FILE)}


def write_tables(
    folder: Path,
    card: ModelCard,
    tables: Mapping[str, NDArray[np.generic]],
    about: dict[str, Any],
) -> None:
    """Replace the tables of a model, then its card; `about` says how they were measured.

    If the process dies in between, the model fails its checksum until `locpipe weigh` runs again.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_whole(folder / TABLES_FILE, serialize_arrays(dict(tables)))
    files = card.files | {TABLES_FILE: sha256_of(folder / TABLES_FILE)}
    # Calibrations are only valid for the tables they were fitted on.
    changes = {"files": files, "tables": about, "calibration": {}, "calibrations": ()}
    write_card(folder, card.model_copy(update=changes))


def write_calibrations(
    folder: Path, card: ModelCard, fitted: Iterable[Calibration], about: dict[str, Any]
) -> None:
    """Add calibrations to a card; `about` says how they were fitted.

    A new calibration replaces the old one of the same map.

    Raises:
        OutputError: the card cannot be written.
    """
    last = {
        (c.weights, c.resolution, c.polarity, c.label, c.scale): c
        for c in (*card.calibrations, *fitted)
    }
    kept = tuple(last[key] for key in sorted(last))
    write_card(folder, card.model_copy(update={"calibration": about, "calibrations": kept}))


def write_config(folder: Path) -> str:
    """Write `run.yaml`, a config that runs, into a model folder; return the text to print.

    The config has the proposals of the model, so that users see what they can change.

    Raises:
        OutputError: it cannot be written.
    """
    file, card = folder / CONFIG_FILE, read_card(folder)
    values = {
        "model": str(folder),
        "output": {"path": f"out/{folder.name}-found", "overlays": True},
        **card.defaults,
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_whole(file, text.encode())
    shown = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{file}:\n{shown}run it: locpipe run {shlex.quote(str(folder))} --input PICTURES"


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
