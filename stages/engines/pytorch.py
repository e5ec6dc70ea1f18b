"""PyTorch: the reference, which runs every network."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..nets import Network
from ..nets.dense import dense_features
from ..nets.folded import folded
from ..nets.head import takes_any_size
from ..nets.segments import cut
from ..settings import Resolution

_LEAST = 1e-7  # probability of all other classes: float32 knows no less beside 1


class PyTorch:
    """Fulfils `InferEngine`, also for maps of the whole classifier in every window.

    Args:
        network: whose features are run.
        resolution: see `nets.dense.densify`.
        windows: give the log-odds of every class in every window, instead of F.
        bfloat16: compute convolutions in it.

    Raises:
        ModelError: the network has no such maps.
    """

    name: Final = "torch"
    channels_last: Final = True

    def __init__(
        self, network: Network, resolution: Resolution, *, windows: bool, bfloat16: bool
    ) -> None:
        features, self.geometry = dense_features(network, resolution, windows=windows)
        self.modules, self.parts = cut(folded(features), network.channels_in())
        self._windows, self._bfloat16 = windows, bfloat16
        self.any_size = not windows and takes_any_size(network)

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Run a part; see `InferEngine`."""
        with torch.inference_mode():
            with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
                found = self.modules[number](*map(torch.from_numpy, inputs))
            given = found if isinstance(found, tuple) else (found,)
            if number == len(self.modules) - 1:
                given = tuple(map(self._answers, given))
            return [one.float().numpy() for one in given]

    def _answers(self, found: torch.Tensor) -> torch.Tensor:
        """Return F as it is, or log(p / (1 - p)) of the softmax p over the classes."""
        if not self._windows:
            return found
        log_p = found.float().log_softmax(dim=1)
        return log_p - torch.log1p(-log_p.exp().clamp_max(1 - _LEAST))
