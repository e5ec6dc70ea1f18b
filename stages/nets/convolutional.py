"""Fully connected layers as convolutions: a classifier of pictures classifies every window.

Sermanet et al. 2014, "OverFeat", section 3.5; Long et al. 2015, "Fully convolutional networks".
"""

import math
from collections.abc import Iterator

import torch
from torch import fx, nn
from torch.nn import functional

from ..errors import ModelError

_KEPT = (
    nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.ZeroPad2d, nn.BatchNorm2d,
    nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.Tanh, nn.Sigmoid,
)  # fmt: skip
_DROPPED = (nn.Flatten, nn.Dropout, nn.Identity, nn.AdaptiveAvgPool2d)
_DROPPED_STEPS = (torch.flatten, functional.adaptive_avg_pool2d, functional.dropout)
_DROPPED_METHODS = ("flatten", "mean")


def convolutional(classifier: nn.Module, channels: int) -> nn.Sequential:
    """Return a twin of a classifier that gives the logits of every window of F.

    A linear layer after a flattening becomes a convolution as large as F in training. Later linear
    layers become 1x1 convolutions. Global average pooling is left out, and so is adaptive pooling
    that does not change an F of the trained size. Other pooling stays. The result equals the
    classifier applied to every window of the trained size. With global average pooling, a window is
    a single cell.

    Args:
        classifier: a chain of layers from F [N, C, h, w] to logits [N, K].
        channels: C, the number of filters in F.

    Returns:
        A network from F, at least as large as a window, to logits [N, K, h', w'].

    Raises:
        ModelError: the classifier has a layer that cannot be applied to a window.
    """
    layers: list[nn.Module] = []
    for layer in _chain(classifier):
        if isinstance(layer, nn.Linear):
            layers.append(_as_convolution(layer, channels))
            channels = layer.out_features
        elif isinstance(layer, nn.BatchNorm1d):
            layers.append(_as_two_dimensional(layer))
        else:
            layers.append(layer)
            channels = layer.out_channels if isinstance(layer, nn.Conv2d) else channels
    return nn.Sequential(*layers).eval()


def _chain(classifier: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers that change a window, in order."""
    traced = fx.symbolic_trace(classifier)
    layers = dict(traced.named_modules())
    for node in traced.graph.nodes:
        layer = layers.get(str(node.target)) if node.op == "call_module" else None
        if layer is None:
            if node.op in {"placeholder", "output"} or _is_dropped(node):
                continue
            if node.target in {functional.relu, torch.relu}:
                yield nn.ReLU()
                continue
        if isinstance(layer, (*_KEPT, nn.Linear, nn.BatchNorm1d)):
            yield layer
        elif not isinstance(layer, _DROPPED):
            msg = (
                f"the classifier cannot become convolutions: its {node.target!r} is no layer that "
                "works on windows; choose other heatmap.weights"
            )
            raise ModelError(msg)


def _is_dropped(node: fx.Node) -> bool:
    if node.op == "call_function":
        return node.target in _DROPPED_STEPS
    return node.op == "call_method" and node.target in _DROPPED_METHODS


def _as_convolution(layer: nn.Linear, channels: int) -> nn.Conv2d:
    side = math.isqrt(layer.in_features // channels)
    if channels * side**2 != layer.in_features:
        msg = f"{layer} does not fit square windows of {channels} maps; choose another layer"
        raise ModelError(msg)
    twin = nn.Conv2d(channels, layer.out_features, side, bias=layer.bias is not None)
    # Both layers share the values: those of VGG take 400 MB.
    weight = layer.weight.view(layer.out_features, channels, side, side)
    twin.weight = nn.Parameter(weight, requires_grad=False)
    twin.bias = layer.bias
    return twin


def _as_two_dimensional(layer: nn.BatchNorm1d) -> nn.BatchNorm2d:
    twin = nn.BatchNorm2d(layer.num_features, eps=layer.eps)
    twin.load_state_dict(layer.state_dict())
    return twin
