"""A `torch.nn.Module` in memory, as a model. It has no folder and no AdGAP tables."""

import copy
import hashlib
from collections.abc import Sequence
from typing import Literal
from weakref import WeakKeyDictionary

import torch
from torch import nn

from ..errors import ModelError
from ..nets.network import Network, without_data
from ..nets.split import split
from .backbone import classes_named, unmeasured
from .card import InputSpec, ModelCard, ModuleCard
from .loading import Model

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Approximate share of a training picture's side that an object fills.
_FILLS = 0.8

_Key = tuple[object, ...]
_known: WeakKeyDictionary[nn.Module, tuple[_Key, Model]] = WeakKeyDictionary()


def model_of_module(
    module: nn.Module,
    *,
    layer: str | None = None,
    classes: Sequence[str] = (),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    side: int = 224,
) -> Model:
    """Return a classifier in memory as a model. The module itself is not changed.

    If the module has not changed since the last call, the same model is returned.

    Args:
        module: pictures [N, C, H, W] to logits [N, classes], on any device.
        layer: name of the module that gives F; None: the last convolutional stage.
        classes: names of all classes, in the order of the logits; empty: ImageNet's names for 1,000
            logits, else `class 0`, `class 1`, ….
        mean: of each channel of pictures in 0..1; empty: ImageNet's, or 0 for one channel.
        std: of each channel; empty: ImageNet's, or 1 for one channel.
        side: side of the pictures that the classifier was made for, in pixels.

    Raises:
        ModelError: the network cannot be cut there, or an argument does not fit the network.
    """
    key = (_state(module), layer, *map(tuple, (classes, mean, std)), side)
    known = _known.get(module)
    if known is None or known[0] != key:
        known = key, _model(module, layer, tuple(classes), tuple(mean), tuple(std), side)
        _known[module] = known
    return known[1]


def sha256_of_module(module: nn.Module) -> str:
    """Return the sha256 of a module's state dict: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _state(module: nn.Module) -> _Key:
    """Return a key that changes when a weight changes, without reading the weights."""
    tensors = module.state_dict(keep_vars=True).values()
    return tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)  # noqa: SLF001 - torch has no other counter


def _model(
    module: nn.Module,
    layer: str | None,
    classes: tuple[str, ...],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    side: int,
) -> Model:
    # A copy: cutting a network sets it to evaluation mode, and stops its layers from overwriting F.
    own = copy.deepcopy(module).cpu().eval().requires_grad_(requires_grad=False)
    channels = _channels(own)
    count = _logits(own, channels, side)
    network = own if isinstance(own, Network) else split(own, layer, side)
    if classes and len(classes) != count:
        msg = (
            f"classes: {len(classes)} names, but the module gives {count} logits; name all of them"
        )
        raise ModelError(msg)
    ids, names = ((), classes) if classes else classes_named(count)
    name, sha256 = type(module).__name__, sha256_of_module(own)
    card = ModelCard(
        schema="locpipe/model/1",
        name=name,
        description=f"a {name} in memory",
        architecture=name,
        module=ModuleCard(layer=layer, sha256=sha256),
        classes=names,
        ids=ids,
        input=InputSpec(
            channels=channels,
            width=side,
            height=side,
            object_size=round(_FILLS * side),
            mean=_per_channel("mean", mean, channels, IMAGENET_MEAN, 0.0),
            std=_per_channel("std", std, channels, IMAGENET_STD, 1.0),
        ),
        files={},
    )
    return Model(card, sha256, lambda: network, unmeasured(network, count))


def _channels(module: nn.Module) -> Literal[1, 3]:
    first = next((layer for layer in module.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None or first.in_channels not in {1, 3}:
        found = "no convolution" if first is None else f"pictures of {first.in_channels} channels"
        msg = f"{type(module).__name__} takes {found}; give a network of convolutions over 1 or 3"
        raise ModelError(msg)
    return 1 if first.in_channels == 1 else 3


def _logits(module: nn.Module, channels: int, side: int) -> int:
    """Return the number of logits of a module, without computing them."""
    try:
        logits: object = without_data(module, 1, channels, side, side)
    except (RuntimeError, TypeError, ValueError) as error:
        msg = f"{type(module).__name__} does not take pictures of {side} x {side} ({error}); give one that does"
        raise ModelError(msg) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim < 2:
        msg = f"{type(module).__name__} is no classifier; give a module that returns logits [N, classes]"
        raise ModelError(msg)
    return int(logits.shape[1])


def _per_channel(
    name: str, given: tuple[float, ...], channels: int, of_imagenet: tuple[float, ...], plain: float
) -> tuple[float, ...]:
    if not given:
        return of_imagenet if channels == 3 else (plain,)
    if len(given) != channels:
        msg = f"{name}: {len(given)} values, but the network takes {channels} channels; give one per channel"
        raise ModelError(msg)
    return given
