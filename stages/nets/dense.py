"""Dense maps of a network with strides: à trous and unpooled twins, and their geometry."""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from ..errors import ModelError
from ..parts import Value
from ..settings import Resolution
from ..strides import Geometry
from .convolutional import convolutional
from .network import Network

Windowed = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d
Grid = tuple[int, float, int]  # stride, offset, receptive field
_GLOBAL_LAYERS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_GLOBAL_FUNCTIONS = (functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d, torch.mean)
_GLOBAL_METHODS = ("mean", "amax")
_SIDE = 256  # rows of the tensor without data


def dense_features(
    network: Network, resolution: Resolution, *, windows: bool
) -> tuple[nn.Module, Geometry]:
    """Return a module that gives maps at a resolution (see `densify`), and their geometry.

    With `windows`, the maps are the answers of the whole classifier in every window, instead of F.

    Raises:
        ModelError: the network has no such maps.
    """
    native = network.features
    if windows:
        native = nn.Sequential(native, convolutional(network.classifier, network.channels()))
    features = densify(native, resolution)
    # Without strides, a picture must still be large enough for one window.
    shape = replace(geometry(features), multiple=geometry(native).multiple)
    return features, shape if network.offset is None else _moved(shape, network.offset)


def _moved(shape: Geometry, offset: float) -> Geometry:
    """Return a geometry with moved cells; the receptive field is widened to stay centred."""
    field = shape.receptive_field + math.ceil(2 * abs(shape.offset - offset))
    return replace(shape, offset=offset, receptive_field=field)


def densify(features: nn.Module, resolution: Resolution) -> nn.Module:
    """Return a twin of `features` that gives the map at the asked resolution.

    - `native`: the network itself, its strides kept.
    - `atrous`: every stride becomes 1, and the layers after it are dilated by the old stride. This
      is the exact dense map: away from borders it equals shift-and-stitch of the original network
      (Giusti et al. 2013, "Fast image scanning with deep max-pooling"; the algorithme à trous).
    - `unpooled`: max and average pooling are left out and nothing is dilated, as the authors of
      AdGAP do. Later kernels see another scale than in training.

    Raises:
        ModelError: the network cannot be traced, or has a layer that cannot be dilated.
    """
    if resolution == "native":
        return features
    twin = _trace(features)
    if resolution == "atrous" and any(isinstance(one, nn.Upsample) for one in twin.modules()):
        msg = "a network that scales its maps up has no map without strides: use native"
        raise ModelError(msg)
    for node, layer, rate in _walk(twin):
        if resolution == "unpooled":
            if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
                twin.add_submodule(str(node.target), nn.Identity())
        else:
            _dilate(layer, rate, str(node.target))
    return twin.eval()


def geometry(features: nn.Module) -> Geometry:
    """Return where the cells of the map of `features` lie.

    Raises:
        ModelError: the network cannot be traced.
    """
    placed = list(grids(_trace(features)).values())
    return Geometry(*placed[-1], multiple=max(stride for stride, _, _ in placed))


def grids(traced: fx.GraphModule, inputs: Sequence[Grid] = ((1, 0.5, 1),)) -> dict[fx.Node, Grid]:
    """Return the grid of the output of every step of a network.

    Args:
        traced: the network.
        inputs: the grids of the inputs of the network.
    """
    layers = dict(traced.named_modules())
    given = iter(inputs)
    found: dict[fx.Node, Grid] = {}
    for node in traced.graph.nodes:
        # Where branches meet, their cells lie on one grid; the largest receptive field counts.
        sources = [found[source] for source in node.all_input_nodes] or [(1, 0.5, 1)]
        grid = next(given) if node.op == "placeholder" else max(sources, key=lambda g: g[2])
        layer = layers.get(str(node.target))
        if isinstance(layer, Windowed):
            grid = _through(layer, *grid)
        elif isinstance(layer, nn.ZeroPad2d):
            grid = grid[0], grid[1] - layer.padding[0] * grid[0], grid[2]
        elif isinstance(layer, nn.Upsample):
            grid = _upsampled(layer, *grid)
        found[node] = grid
    return found


def peak_floats(features: nn.Module, *inputs: Value) -> float:
    """Return the largest number of float32 values alive at once, per pixel of the picture.

    It is measured on tensors without data, and is a lower bound of the memory of inference.

    Args:
        features: the network, or a part of it.
        inputs: the inputs of the network.
    """
    counter = _LiveValues(_trace(copy.deepcopy(features).to("meta")))
    counter.run(*(shape_of(value, _SIDE) for value in inputs))
    return counter.peak / (2 * _SIDE**2)


def shape_of(value: Value, side: int) -> Tensor:
    """Return a tensor without data: a value for a picture of `side` rows, twice as many columns."""
    cells = side // value.stride
    return torch.empty(1, value.channels, cells, 2 * cells, device="meta")


def global_steps(features: nn.Module) -> tuple[str, ...]:
    """Return the names of the steps that look at the whole picture at once.

    One example is squeeze-and-excitation (Hu et al. 2018). With such a step, the map of a part of a
    picture is not a part of the whole map.

    Raises:
        ModelError: the network cannot be traced.
    """
    traced = _trace(features)
    layers = dict(traced.named_modules())
    return tuple(
        str(node.target) if node.op == "call_module" else node.name
        for node in traced.graph.nodes
        if isinstance(layers.get(str(node.target)), _GLOBAL_LAYERS)
        or (node.op == "call_function" and node.target in _GLOBAL_FUNCTIONS)
        or (node.op == "call_method" and node.target in _GLOBAL_METHODS)
    )


class _LiveValues(fx.Interpreter):
    """Runs a graph and notes the largest number of values alive after any node."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.peak = 0

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401  the signature is torch's
        result = super().run_node(n)
        values = (*self.env.values(), result)
        alive = {id(value): value.numel() for value in values if isinstance(value, Tensor)}
        self.peak = max(self.peak, sum(alive.values()))
        return result


def _trace(features: nn.Module) -> fx.GraphModule:
    try:
        return copy.deepcopy(fx.symbolic_trace(features))
    except (TypeError, ValueError, RuntimeError) as error:
        msg = (
            f"{type(features).__name__} cannot be traced ({error}): its forward depends on data; "
            "name a layer whose features are plain convolutions"
        )
        raise ModelError(msg) from error


def _walk(traced: fx.GraphModule) -> Iterator[tuple[fx.Node, Windowed | nn.ZeroPad2d, int]]:
    """Yield every layer that has a window or a border, and the product of the strides before it."""
    layers = dict(traced.named_modules())
    rates: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        rate = max((rates[source] for source in node.all_input_nodes), default=1)
        layer = layers.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, Windowed | nn.ZeroPad2d):
            stride = _pair(layer.stride)[0] if isinstance(layer, Windowed) else 1
            yield node, layer, rate
            rate *= stride
        rates[node] = rate


def _dilate(layer: Windowed | nn.ZeroPad2d, rate: int, name: str) -> None:
    if isinstance(layer, nn.ZeroPad2d):
        left, right, top, bottom = layer.padding
        layer.padding = (left * rate, right * rate, top * rate, bottom * rate)
        return
    if isinstance(layer, nn.AvgPool2d):
        if rate > 1:
            msg = f"layer {name} is an average pooling, which cannot be dilated: use native"
            raise ModelError(msg)
        layer.stride = 1
        return
    if isinstance(layer.padding, str):
        msg = f"layer {name} has padding={layer.padding!r}: give it in numbers"
        raise ModelError(msg)
    layer.stride = (1, 1) if isinstance(layer, nn.Conv2d) else 1
    layer.dilation = _times(layer.dilation, rate)
    layer.padding = _times(layer.padding, rate)


def _upsampled(layer: nn.Upsample, stride: int, offset: float, field: int) -> Grid:
    factor = layer.scale_factor
    if not isinstance(factor, int | float) or factor < 1 or stride % factor:
        msg = f"an nn.Upsample by {factor} on stride {stride}: use a whole factor of the stride"
        raise ModelError(msg)
    finer = stride // int(factor)
    # Bilinear interpolation reads the two nearest cells.
    return finer, offset - (stride - finer) / 2, field + (stride if layer.mode != "nearest" else 0)


def _through(layer: Windowed, stride: int, offset: float, field: int) -> Grid:
    """Carry a grid through a layer (Araujo et al. 2019, "Computing receptive fields")."""
    dilation = 1 if isinstance(layer, nn.AvgPool2d) else _pair(layer.dilation)[0]
    reach = dilation * (_pair(layer.kernel_size)[0] - 1)
    padding = reach // 2 if isinstance(layer.padding, str) else _pair(layer.padding)[0]
    return (
        stride * _pair(layer.stride)[0],
        offset + (reach / 2 - padding) * stride,
        field + reach * stride,
    )


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _times(value: int | tuple[int, ...], rate: int) -> tuple[int, int]:
    first, second = _pair(value)
    return first * rate, second * rate
