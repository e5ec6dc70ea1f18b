"""Batch normalization folded into the convolutions before it: the same function in fewer steps."""

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(features: nn.Module) -> fx.GraphModule:
    """Return a twin for inference, whose convolutions include the batch normalization.

    `features` must be traceable, as for `dense.geometry`, and in evaluation mode. The twin differs
    by rounding only.
    """
    twin = fx.symbolic_trace(features)  # the twin shares the layers, but has its own containers
    layers = dict(twin.named_modules())
    uses = Counter(node.target for node in twin.graph.nodes)
    for node in twin.graph.nodes:
        norm = layers.get(str(node.target))
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        (before,) = node.all_input_nodes
        convolution = layers.get(str(before.target))
        # A layer that another step uses too must stay unchanged.
        if isinstance(convolution, nn.Conv2d) and len(before.users) == uses[before.target] == 1:
            twin.add_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            twin.graph.erase_node(node)
    twin.recompile()
    return twin
