"""Networks: each a classifier split at its last convolution, one file a family.

Adding one is a file with a class derived from `Network` and a line in `NETWORKS`.
"""

from collections.abc import Callable

from ..errors import ModelError
from .lenet import LeNet
from .network import Network
from .text import TextNet

__all__ = ["NETWORKS", "LeNet", "Network", "TextNet", "build"]

NETWORKS: dict[str, Callable[[int], Network]] = {"lenet": LeNet, "text": TextNet}


def build(architecture: str, classes: int) -> Network:
    """Return an untrained network in evaluation mode.

    Args:
        architecture: a key of `NETWORKS`.
        classes: number of classes it tells apart.

    Raises:
        ModelError: no such architecture; the message lists them.
    """
    if architecture not in NETWORKS:
        msg = f"architecture {architecture!r} is unknown; there are: {', '.join(sorted(NETWORKS))}"
        raise ModelError(msg)
    network = NETWORKS[architecture](classes)
    network.eval()
    return network
