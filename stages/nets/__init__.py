"""Networks. Each is a classifier split at its last convolution; there is one file per family.

A new network needs a file with a class derived from `Network`, and a line in `NETWORKS`.
"""

from pkgutil import resolve_name

from .network import Network
from .pooling import with_head
from .untrained import untrained

__all__ = ["NETWORKS", "Network", "build"]

NETWORKS: dict[str, str] = {
    "lenet": "lenet:LeNet",
    "nin": "nin:NetworkInNetwork",
    "nin-grey": "nin:grey",
    "text": "text:TextNet",
    "text-large": "text_large:TextLarge",
    "text-small": "text:TextSmall",
    "tutorial-dropout": "tutorial:dropout",
    "tutorial-fc": "tutorial:fc",
    "tutorial-gap": "tutorial:TutorialNet",
    "tutorial-pool": "tutorial:pool",
}
"""Module of this folder, and its function of the number of classes, that make each network."""


def build(architecture: str, classes: int) -> Network:
    """Return an untrained network in evaluation mode.

    Args:
        architecture: a key of `NETWORKS`, or a backbone of `backbones`. `nin + lse(beta=5)`
            replaces the classifier of `nin` by a head of `pooling`.
        classes: number of classes.

    Raises:
        ModelError: there is no such architecture or head; the message lists those there are.
    """
    architecture, _, head = architecture.partition(" + ")
    if head:
        return with_head(build(architecture, classes), classes, head)
    if architecture not in NETWORKS:
        return untrained(architecture, classes, tuple(NETWORKS))
    network: Network = resolve_name(f"{__name__}.{NETWORKS[architecture]}")(classes)
    return network.eval()
