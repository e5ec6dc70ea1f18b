"""Backbones with random weights."""

from collections.abc import Iterable

from torch import nn

from ..errors import ModelError
from .backbones import LITE0, backbone_names, look_of
from .efficientnet_lite import EfficientNetLite0
from .network import Network
from .split import split
from .torchvision_shim import torchvision


def untrained(backbone: str, classes: int, others: Iterable[str]) -> Network:
    """Return a backbone with random weights, split at its last convolutional stage.

    The message of an error also lists the `others`, architectures that exist too.

    Raises:
        ModelError: there is no such backbone, or it has no convolutional last stage.
    """
    if backbone not in backbone_names():
        msg = (
            f"architecture {backbone!r} is unknown; there are: {', '.join(sorted(others))}, and "
            "the backbones that `locpipe models backbones` lists"
        )
        raise ModelError(msg)
    if backbone == LITE0:
        classifier: nn.Module = EfficientNetLite0(classes)
    else:
        classifier = torchvision().models.get_model(backbone, num_classes=classes)
    return split(classifier, None, look_of(backbone).side)
