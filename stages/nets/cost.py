"""The cost of a network: parameters, and multiply-accumulates per pixel of its input."""

from torch.utils.flop_counter import FlopCounterMode

from .network import Network, without_data

_SIDE = 512


def cost(network: Network, channels: int) -> tuple[int, float]:
    """Return the number of parameters, and multiply-accumulates per pixel of a 512 x 512 picture.

    They are counted on a shape without data: a thousand per pixel are one GMAC per megapixel.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter:
        without_data(network, 1, channels, _SIDE, _SIDE)
    return parameters, counter.get_total_flops() / 2 / _SIDE**2
