"""Networks with weights from a model folder."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import ModelError
from . import build
from .network import Network


def stored_network(architecture: str, classes: int, weights: Path) -> Network:
    """Return a network with weights from a safetensors file, in evaluation mode on the CPU.

    Raises:
        ModelError: there is no such architecture, or the file is missing or does not fit it.
    """
    network = build(architecture, classes)
    try:
        network.load_state_dict(load_file(weights))
    except (RuntimeError, OSError, SafetensorError) as error:
        msg = f"{weights} does not fit architecture {architecture} ({error}); copy the model again"
        raise ModelError(msg) from error
    network.requires_grad_(requires_grad=False)
    return network
