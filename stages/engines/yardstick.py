"""The cost of a network, and the speed of this processor in a timed matrix product."""

import time

import torch

from ..nets import Network
from ..nets.cost import macs_per_pixel
from ..nets.dense import dense_features
from ..precision import has_bfloat16
from ..settings import Precision, Resolution
from .limits import computing_with

_SIDE = 1024  # rows and columns of the matrices
_TRIES = 15  # the best try counts, as other programs may be at work
_PICTURE = 512  # pixels on both sides at least


def macs_of(network: Network, resolution: Resolution, *, windows: bool) -> float:
    """Return multiply-accumulates per pixel of what an engine runs, see `dense_features`.

    Raises:
        ModelError: the network has no such maps.
    """
    features, shape = dense_features(network, resolution, windows=windows)
    least = max(_PICTURE, 2 * shape.receptive_field if windows else 0)
    side = -(-least // shape.multiple) * shape.multiple
    return macs_per_pixel(features, network.channels_in(), side)


def ceilings(threads: int) -> dict[Precision, float]:
    """Return FLOP per second of a matrix product, in each precision that the processor has."""
    found: dict[Precision, float] = {"float32": _product(torch.float32, threads)}
    if has_bfloat16():
        found["bfloat16"] = _product(torch.bfloat16, threads)
    return found


def _product(dtype: torch.dtype, threads: int) -> float:
    left, right = (torch.rand(_SIDE, _SIDE).to(dtype) for _ in range(2))
    seconds = []
    with computing_with(threads), torch.inference_mode():
        for _ in range(_TRIES):
            started = time.perf_counter()
            torch.mm(left, right)
            seconds.append(time.perf_counter() - started)
    return 2 * _SIDE**3 / min(seconds)
