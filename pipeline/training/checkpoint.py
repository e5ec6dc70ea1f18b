"""Checkpoints without pickle: a resumed training continues as if it had never stopped."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ...stages.errors import ConfigError
from ..output.atomic import write_whole

log = logging.getLogger(__name__)

CHECKPOINT_FILE = "checkpoint.safetensors"
Record = dict[str, Any]


def require_room(folder: Path, *, resume: bool) -> None:
    """Check that a training may begin in a folder.

    Raises:
        ConfigError: the folder has a finished model or, without `resume`, an unfinished training.
    """
    if (folder / "model.yaml").exists():
        msg = f"{folder} already holds a finished model; remove it or choose another --output"
        raise ConfigError(msg)
    if not resume and (folder / CHECKPOINT_FILE).exists():
        msg = (
            f"{folder} holds an unfinished training; go on with it by --resume, "
            f"remove its {CHECKPOINT_FILE}, or choose another --output"
        )
        raise ConfigError(msg)


def tell_where(folder: Path, done: int, total: int, unit: str = "steps", *, resume: bool) -> None:
    """Log at which step a training begins or continues."""
    if done:
        log.info("going on after %d of %d %s", done, total, unit)
    elif resume:
        log.info("%s has no checkpoint: beginning with the first of %d %s", folder, total, unit)
    else:
        log.info("%d %s to train", total, unit)


class Checkpoint:
    """The file from which a stopped training continues.

    Args:
        folder: folder of the training.
        network: the network, whose parameters and buffers are stored.
        optimizer: the optimizer; its state must consist of tensors, as in torch's optimizers.
        settings: JSON values; a training must have the same to continue from here.
    """

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        settings: Mapping[str, Any],
    ) -> None:
        self._file = folder / CHECKPOINT_FILE
        self._network, self._optimizer, self._settings = network, optimizer, settings
        self._saved = time.monotonic()

    def is_due(self, minutes: float) -> bool:
        """Say whether the last checkpoint is older than `minutes`."""
        return time.monotonic() - self._saved > 60 * minutes

    def save(self, curve: list[Record]) -> None:
        """Write weights, optimizer, random state and curve, as a whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        state = self._optimizer.state_dict()
        tensors = {f"network.{name}": value for name, value in self._network.state_dict().items()}
        for index, slots in state["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
        tensors["random"] = torch.get_rng_state()
        header = {"settings": self._settings, "curve": curve, "groups": state["param_groups"]}
        plain = {name: value.contiguous() for name, value in tensors.items()}
        write_whole(self._file, save(plain, {"locpipe": json.dumps(header)}))
        self._saved = time.monotonic()

    def load(self, *, resume: bool) -> list[Record]:
        """Restore network, optimizer and random state, and return the curve.

        Without a file, or without `resume`, nothing changes and the curve is empty.

        Raises:
            ConfigError: the file is damaged or belongs to a training with other settings.
        """
        file = self._file
        if not (resume and file.is_file()):
            return []
        try:
            with safe_open(file, framework="pt") as stored:
                header = json.loads(stored.metadata()["locpipe"])
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no dict
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            msg = f"{file} is no checkpoint of ours or damaged ({error}); remove it and train anew"
            raise ConfigError(msg) from error
        _require_equal(file, header["settings"], self._settings)
        network: dict[str, Tensor] = {}
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "network":
                network[rest] = value
            elif kind == "optimizer":
                index, _, slot = rest.partition(".")
                slots.setdefault(int(index), {})[slot] = value
        self._network.load_state_dict(network)
        self._optimizer.load_state_dict({"state": slots, "param_groups": header["groups"]})
        # The layout in memory is restored too: it decides how sums are rounded.
        for parameter, moments in self._optimizer.state.items():
            for name, value in moments.items():
                if value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter.detach()).copy_(value)
        torch.set_rng_state(tensors["random"])
        curve: list[Record] = header["curve"]
        return curve


def _require_equal(file: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    for key in sorted({*theirs, *ours}):
        if theirs.get(key) != ours.get(key):
            msg = (
                f"{file} belongs to a training with {key}: {theirs.get(key)}, this one has {key}: "
                f"{ours.get(key)}; go on with that, or choose another --output"
            )
            raise ConfigError(msg)
