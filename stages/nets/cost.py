"""The cost of a network: parameters, and multiply-accumulates per pixel of its input."""

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from .network import Network

_SIDE = 512


def cost(network: Network, channels: int) -> tuple[int, float]:
    """Return the number of parameters, and multiply-accumulates per pixel of a 512 x 512 picture.

    They are counted on a shape without data: a thousand per pixel are one GMAC per megapixel.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    shape_only = copy.deepcopy(network).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        shape_only(torch.empty(1, channels, _SIDE, _SIDE, device="meta"))
    return parameters, counter.get_total_flops() / 2 / _SIDE**2
