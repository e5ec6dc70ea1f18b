"""Cuts a network into parts; each part is a sequence of layers of one stride."""

import copy
from collections.abc import Iterator, Mapping, Sequence

from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.fx.passes.split_module import split_module

from ..parts import PICTURE, WHOLE, Part, Parts, Value
from .dense import Grid, global_steps, grids, peak_floats, shape_of

_FINEST = 4
"""Layers of this stride and of smaller ones form one part: their maps are the largest."""


def cut(features: fx.GraphModule, channels: int) -> tuple[list[fx.GraphModule], Parts]:
    """Return the parts of a traced network, and what `parts.stream` must know of them.

    There is only one part if a step looks at the whole picture, or if a map between parts is not as
    large as the picture divided by its stride.

    Args:
        features: `[1, channels, H, W]` to maps; see `folded`.
        channels: number of channels of the pictures.
    """
    places, picture = grids(features), Value(channels, 1)
    numbers = _numbered(features, places)
    if global_steps(features) or not _keeps_sizes(features, places, numbers, picture):
        maps = places[_last(features)]
        stride = max(stride for stride, _, _ in places.values())
        alone = Part((PICTURE,), ("maps",), WHOLE, stride, peak_floats(features, picture))
        return [features], Parts((alone,), {PICTURE: picture, "maps": Value(0, maps[0])})
    whole = split_module(features, features, numbers.__getitem__)
    modules, parts, values = [], [], {PICTURE: picture}
    for module, inputs, outputs in _calls(whole):
        parts.append(_part(module, inputs, outputs, values))
        modules.append(module)
    return modules, Parts(tuple(parts), values)


def _last(graph: fx.GraphModule) -> fx.Node:
    *_, last = graph.graph.nodes
    assert isinstance(last, fx.Node), "a graph ends in its output"
    return last


def _keeps_sizes(
    features: fx.GraphModule,
    places: Mapping[fx.Node, Grid],
    numbers: Mapping[fx.Node, int],
    picture: Value,
) -> bool:
    """Say whether every map that leaves a part is as large as the picture divided by its stride."""
    coarsest = max(stride for stride, _, _ in places.values())
    widest = max(seen for _, _, seen in places.values())
    side = coarsest * -(-2 * widest // coarsest)
    twin = copy.deepcopy(features).to("meta")
    ShapeProp(twin).propagate(shape_of(picture, side))
    for node, known in zip(features.graph.nodes, twin.graph.nodes, strict=True):
        leaves = any(user.op == "output" or numbers[user] != numbers[node] for user in node.users)
        if leaves and node.op != "get_attr":
            rows = side // places[node][0]
            maps = known.meta.get("tensor_meta")
            if maps is None or tuple(maps.shape[2:]) != (rows, 2 * rows):
                return False
    return True


def _numbered(features: fx.GraphModule, places: Mapping[fx.Node, Grid]) -> dict[fx.Node, int]:
    """Return the number of the part that every step belongs to.

    Padding belongs to the part of the layer after it: a padded map is larger than the picture
    divided by its stride.
    """
    layers = dict(features.named_modules())
    numbers: dict[fx.Node, int] = {}
    number, before = 0, _FINEST
    for node in features.graph.nodes:
        if node.op != "get_attr":
            is_padding = isinstance(layers.get(str(node.target)), nn.ZeroPad2d)
            strides = [places[one][0] for one in (node.users if is_padding else (node,))]
            stride = max(*strides, _FINEST)
            number += stride != before
            before = stride
        numbers[node] = number
    return numbers


def _calls(whole: fx.GraphModule) -> Iterator[tuple[fx.GraphModule, list[str], list[str]]]:
    """Yield every part with the names of its inputs and outputs, in order."""
    names: dict[fx.Node, str] = {}
    for node in whole.graph.nodes:
        names[node] = PICTURE if node.op == "placeholder" else node.name
        if node.op == "call_module":
            picked = sorted(
                (user for user in node.users if user.op == "call_function"),
                key=lambda user: int(user.args[1]),
            )
            outputs = [user.name for user in picked] or [node.name]
            module = whole.get_submodule(str(node.target))
            assert isinstance(module, fx.GraphModule), "what split_module makes"
            yield module, [names[one] for one in node.all_input_nodes], outputs


def _part(
    module: fx.GraphModule, inputs: Sequence[str], outputs: Sequence[str], values: dict[str, Value]
) -> Part:
    """Return the description of a part, and add its outputs to `values`."""
    taken = [values[name] for name in inputs]
    places = grids(module, [(one.stride, one.stride / 2, one.stride) for one in taken])
    stride = max(stride for stride, _, _ in places.values())
    given = [places[node] for node in _last(module).all_input_nodes]
    beyond = max((seen - own) / 2 + abs(centre - own / 2) for own, centre, seen in given)
    found = copy.deepcopy(module).to("meta")(*(shape_of(one, 4 * stride) for one in taken))
    maps = found if isinstance(found, tuple) else (found,)
    for name, one, (own, _, _) in zip(outputs, maps, given, strict=True):
        values[name] = Value(one.shape[1], own)
    halo = -int(-beyond // stride) * stride
    return Part(tuple(inputs), tuple(outputs), halo, stride, peak_floats(module, *taken))
