"""Networks: each a classifier split at its last convolution, one file a family.

Adding one is a file with a class derived from `Network` and a line in `NETWORKS`.
"""

from collections.abc import Callable
from functools import partial

from .lenet import LeNet
from .network import Network
from .nin import NetworkInNetwork
from .pooling import with_head
from .text import TextNet
from .tutorial import TutorialNet
from .untrained import untrained

__all__ = ["NETWORKS", "LeNet", "Network", "TextNet", "build"]

NETWORKS: dict[str, Callable[[int], Network]] = {
    "lenet": LeNet,
    "nin": NetworkInNetwork,
    "nin-grey": partial(NetworkInNetwork, channels=1),
    "text": TextNet,
    "tutorial-dropout": partial(TutorialNet, ending="dropout"),
    "tutorial-fc": partial(TutorialNet, ending="fc"),
    "tutorial-gap": TutorialNet,
    "tutorial-pool": partial(TutorialNet, ending="pool"),
}


def build(architecture: str, classes: int) -> Network:
    """Return an untrained network in evaluation mode.

    Args:
        architecture: a key of `NETWORKS` or a backbone of `backbones`; ` + ` and a head after it, as in `nin + lse(beta=5)`,
            exchange its classifier for that head (`pooling`).
        classes: number of classes it tells apart.

    Raises:
        ModelError: no such architecture or head; the message lists them.
    """
    architecture, _, head = architecture.partition(" + ")
    if head:
        return with_head(build(architecture, classes), classes, head)
    if architecture not in NETWORKS:
        return untrained(architecture, classes, tuple(NETWORKS))
    network = NETWORKS[architecture](classes)
    network.eval()
    return network
