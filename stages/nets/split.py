"""Splits any classifier at its last convolutional stage into features and classifier."""

import copy
from difflib import get_close_matches
from itertools import accumulate, takewhile
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from ..errors import ModelError
from .network import Network

_POOLING = (
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Dropout,
    nn.Identity,
)
_WINDOWS = {functional.max_pool2d: nn.MaxPool2d, functional.avg_pool2d: nn.AvgPool2d}
_LISTED = 12


class Split:
    """Where a classifier is cut: behind `layer`, which gives F with `channels` filters."""

    def __init__(self, graph: fx.GraphModule, node: fx.Node, layer: str) -> None:
        self.layer = layer
        self.channels = _shape(node)[1]
        self._graph = graph
        self._node = node

    def network(self) -> Network:
        """Return the two halves, which share the classifier's weights.

        Raises:
            ModelError: layers behind the cut also use responses from before it.
        """
        classifier = _after(self._graph, self._node, self.layer)
        return Network(_up_to(self._graph, self._node), classifier).eval()


def split(classifier: nn.Module, layer: str | None, side: int) -> Network:
    """Return a classifier as a `Network`, cut behind a layer.

    Args:
        classifier: pictures [N, C, H, W] to logits [N, classes], on any device.
        layer: name of a module, or of a step between modules; None: the last convolutional stage.
        side: side of the pictures that the classifier was made for, in pixels.

    Raises:
        ModelError: as for `find_split`, or the network cannot be cut there.
    """
    return find_split(classifier, layer, side).network()


def find_split(classifier: nn.Module, layer: str | None, side: int) -> Split:
    """Find where to cut: behind the last map with height and width that no pooling has made.

    The network is traced on tensors without data.

    Raises:
        ModelError: there is no such layer (the message lists candidates), or the last stage is not
            convolutional, or the steps of the network depend on the data.
    """
    classifier = classifier.eval()
    if layer is None:
        refuse_attention(classifier)
    graph = _traced(classifier)
    shapes = copy.deepcopy(graph).to("meta")
    channels = next((m.in_channels for m in classifier.modules() if isinstance(m, nn.Conv2d)), 3)
    ShapeProp(shapes).propagate(torch.empty(1, channels, side, side, device="meta"))
    for node, twin in zip(graph.graph.nodes, shapes.graph.nodes, strict=True):
        node.meta["shape"] = tuple(getattr(twin.meta.get("tensor_meta"), "shape", ()))
    if layer is not None:
        return Split(graph, _named(graph, layer), layer)
    node = _last_map(graph)
    return Split(graph, node, _name_of(graph, node))


def refuse_attention(classifier: nn.Module) -> None:
    """Check that a classifier may have a convolutional last stage.

    Raises:
        ModelError: it ends in attention.
    """
    kinds = attention(classifier)
    if kinds:
        msg = (
            f"{type(classifier).__name__} has no convolutional last stage but attention "
            f"({', '.join(kinds)}): take one that `locpipe models backbones` has a layer for"
        )
        raise ModelError(msg)


def attention(classifier: nn.Module) -> tuple[str, ...]:
    """Return the kinds of attention in a classifier; with any, it cannot be cut."""
    kinds = {type(module).__name__ for module in classifier.modules()}
    return tuple(sorted(kind for kind in kinds if "Attention" in kind))


def _traced(classifier: nn.Module) -> fx.GraphModule:
    try:
        graph = fx.symbolic_trace(classifier)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"{type(classifier).__name__} cannot be traced ({error}), as it depends on its data; choose another network"
        raise ModelError(msg) from error
    for number, node in enumerate(list(graph.graph.nodes)):
        _as_module(graph, node, f"window_{number}")
    graph.recompile()
    return graph


def _as_module(graph: fx.GraphModule, node: fx.Node, name: str) -> None:
    """Turn a pooling function into a layer: the stride of a layer can be read and changed."""
    kind = _WINDOWS.get(node.target) if node.op == "call_function" else None  # type: ignore[arg-type]  # any key is fine
    if kind is None:
        return
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    if kind is nn.AvgPool2d:
        names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    options: dict[str, Any] = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    graph.add_submodule(name, kind(**{key: options[key] for key in names if key in options}))
    node.op, node.target = "call_module", name
    node.args, node.kwargs = node.args[:1], {}


def _shape(node: fx.Node) -> tuple[int, ...]:
    shape: tuple[int, ...] = node.meta["shape"]
    return shape


def _is_map(node: fx.Node) -> bool:
    shape = _shape(node)
    return node.op.startswith("call") and len(shape) == 4 and min(shape[2:]) > 1


def _last_map(graph: fx.GraphModule) -> fx.Node:
    layers = dict(graph.named_modules())
    nodes: list[fx.Node] = list(graph.graph.nodes)
    learned = [n for n in nodes if isinstance(layers.get(str(n.target)), nn.Conv2d | nn.Linear)]
    # A last convolution that gives the classes is the classifier, not a stage.
    before = list(takewhile(lambda n: n is not learned[-1], nodes)) if learned else []
    for node in reversed(before):
        if _is_map(node) and not isinstance(layers.get(str(node.target)), _POOLING):
            return node
    msg = "the network has no layer that gives maps: take one of convolutions"
    raise ModelError(msg)


def _places(node: fx.Node) -> tuple[str, ...]:
    """Return the names of a step: those of its modules and its own, the longest last."""
    stack = [name.partition("@")[0] for name in node.meta.get("nn_module_stack", {})]
    parts = str(node.target).split(".") if node.op == "call_module" else ()
    parents = accumulate(parts, "{}.{}".format)
    return tuple(dict.fromkeys((*filter(None, stack), *parents, node.name)))


def _ends(graph: fx.GraphModule) -> dict[str, fx.Node]:
    """Return the last step of every module, and every step itself, by name."""
    return {name: node for node in graph.graph.nodes for name in _places(node)}


def _name_of(graph: fx.GraphModule, node: fx.Node) -> str:
    """Return the outermost module that ends in this step: `layer4`, not `layer4.2.relu`."""
    names = [name for name, end in _ends(graph).items() if end is node]
    return min(names, key=lambda name: (name == node.name, len(name)))


def _named(graph: fx.GraphModule, layer: str) -> fx.Node:
    ends = _ends(graph)
    if layer in ends and _is_map(ends[layer]):
        return ends[layer]
    maps = [name for name, node in ends.items() if _is_map(node) and _name_of(graph, node) == name]
    listed = dict.fromkeys((*get_close_matches(layer, maps), *reversed(maps[-_LISTED:])))
    what = "gives no map with a height and a width" if layer in ends else "does not exist"
    msg = f"layer {layer!r} {what}; candidates, the last ones of {len(maps)}: {', '.join(listed)}"
    raise ModelError(msg)


def _up_to(graph: fx.GraphModule, last: fx.Node) -> fx.GraphModule:
    part = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.graph.nodes:
        copies[node] = part.node_copy(node, copies.__getitem__)
        if node is last:
            break
    part.output(copies[last])
    module = fx.GraphModule(graph, part, "Features")
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _after(graph: fx.GraphModule, last: fx.Node, layer: str) -> fx.GraphModule:
    part = fx.Graph()
    copies = {last: part.placeholder("maps")}
    wanted = _needed(graph, last)
    for node in graph.graph.nodes:
        if node not in wanted or node is last:
            continue
        if node.op == "placeholder":
            msg = f"layer {layer!r} is no cut: what follows also uses responses from before it; choose another"
            raise ModelError(msg)
        copies[node] = part.node_copy(node, copies.__getitem__)
    module = fx.GraphModule(graph, part, "Classifier")
    _keep_inputs(module)
    return module


def _needed(graph: fx.GraphModule, last: fx.Node) -> set[fx.Node]:
    """Return the steps that the logits depend on; the search stops at `last`."""
    waiting = [node for node in graph.graph.nodes if node.op == "output"]
    found: set[fx.Node] = set()
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [] if node is last else node.all_input_nodes
    return found


def _keep_inputs(module: fx.GraphModule) -> None:
    """Stop layers from overwriting F, which is used more than once."""
    for layer in module.modules():
        if isinstance(getattr(layer, "inplace", None), bool):
            layer.inplace = False  # type: ignore[assignment]  # a layer's attribute may be a bool
    for node in module.graph.nodes:
        if node.kwargs.get("inplace"):
            node.update_kwarg("inplace", False)  # noqa: FBT003  the signature is torch's
    module.recompile()
