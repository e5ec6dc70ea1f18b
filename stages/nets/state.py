"""Reads weight files of other programs safely, and says how they differ from a network."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelError

_PICKLE = b"\x80"
# Keys under which training programs keep the weights, and prefixes of their layer names.
_KEPT_UNDER = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.", "model.")


def read_state(file: Path) -> dict[str, Tensor]:
    """Return the weights of a file, by the names of the layers.

    The file is `.safetensors`, or was written by `torch.save`. From a pickle, only tensors are
    read. Checkpoints may keep the weights under `state_dict`. All names may begin with `module.`,
    as `DataParallel` writes them.

    Raises:
        ModelError: the file cannot be read safely, or holds something else.
    """
    try:
        if file.suffix == ".safetensors":
            return _plain(load_file(file))
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        msg = f"{file} holds no weights that can be read safely: {_what(file)}; save network.state_dict(), best as .safetensors"
        raise ModelError(msg) from error
    for key in _KEPT_UNDER:
        if isinstance(state, dict) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        msg = f"{file} is no state dict: save network.state_dict(), best as .safetensors"
        raise ModelError(msg)
    return _plain(state)


def misfit(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Say in one sentence why weights do not fit a network; empty if they fit."""
    missing = [name for name in wanted if name not in state]
    if missing:
        return f"it lacks {_some(missing)}"
    extra = [name for name in state if name not in wanted]
    if extra:
        return f"it has {_some(extra)} too many"
    other = [name for name in wanted if state[name].shape != wanted[name].shape]
    if not other:
        return ""
    name = other[0]
    return f"its {name} is {list(state[name].shape)} and not {list(wanted[name].shape)}"


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights without a prefix that all names share."""
    for prefix in _PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            return _plain({name.removeprefix(prefix): value for name, value in state.items()})
    return dict(state)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} others" if len(names) > 1 else ""
    return names[0] + more


def _what(file: Path) -> str:
    """Describe a file that holds no weights."""
    with file.open("rb") as stream:
        first = stream.read(1)
    if file.suffix == ".safetensors" or not (zipfile.is_zipfile(file) or first == _PICKLE):
        return "it is damaged, or no file of weights at all"
    return "it holds objects of Python, such as a whole network, which could run code"
