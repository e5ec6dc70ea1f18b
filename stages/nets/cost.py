"""The cost of a network: parameters, and multiply-accumulates per pixel of its input."""

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .network import Network, without_data

_SIDE = 512


def cost(network: Network, channels: int) -> tuple[int, float]:
    """Return the number of parameters, and multiply-accumulates per pixel of a 512 x 512 picture.

    They are counted on a tensor without data. A thousand per pixel are one GMAC per megapixel.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return parameters, macs_per_pixel(network, channels, _SIDE)


def macs_per_pixel(module: nn.Module, channels: int, side: int) -> float:
    """Return the multiply-accumulates per pixel of a picture of `side` x `side` pixels."""
    with FlopCounterMode(display=False) as counter:
        without_data(module, 1, channels, side, side)
    return float(counter.get_total_flops()) / 2 / side**2
