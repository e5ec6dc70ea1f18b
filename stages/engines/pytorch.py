"""PyTorch: the reference, which runs every network, also on a graphics card."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..nets import Network
from ..nets.dense import dense_features
from ..nets.folded import folded
from ..nets.head import takes_any_size
from ..nets.segments import cut
from ..parts import room
from ..settings import Device, Resolution
from .engine import DeviceMemoryError

_LEAST = 1e-7  # least probability of all other classes: beside 1, float32 knows nothing smaller


def sees_cuda() -> bool:
    """Say whether there is a graphics card that torch can compute on."""
    return torch.cuda.is_available()


class PyTorch:
    """Fulfils `InferEngine`, also for maps of the whole classifier in every window.

    Args:
        network: the network whose features are run.
        resolution: see `nets.dense.densify`.
        windows: give the log-odds of every class in every window, instead of F.
        bfloat16: whether convolutions are computed in bfloat16, or in float16 on a graphics card.
        device: the device that computes.

    Raises:
        ModelError: the network has no such maps.
        RuntimeError: the device cannot compute.
    """

    name: Final = "torch"
    channels_last: Final = True

    def __init__(
        self,
        network: Network,
        resolution: Resolution,
        *,
        windows: bool,
        bfloat16: bool,
        device: Device = "cpu",
    ) -> None:
        features, self.geometry = dense_features(network, resolution, windows=windows)
        self.modules, self.parts = cut(folded(features), network.channels_in())
        self._windows, self.device = windows, device
        self._half = None if not bfloat16 else torch.float16 if device == "cuda" else torch.bfloat16
        self._device = _device_of(device)
        self.any_size = not windows and takes_any_size(network)
        if device == "cuda":
            # The network itself stays on the CPU, where its classifier is used.
            self.modules = [deepcopy(module).to(self._device) for module in self.modules]
            self._try()

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Run a part; see `InferEngine`."""
        try:
            return self._compute(number, inputs)
        except torch.cuda.OutOfMemoryError as error:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            raise DeviceMemoryError(str(error)) from error

    def _compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        with torch.inference_mode():
            on = self._device.type
            with torch.autocast(on, self._half or torch.bfloat16, enabled=self._half is not None):
                shown = (torch.from_numpy(one).to(self._device) for one in inputs)
                found = self.modules[number](*shown)
            given = found if isinstance(found, tuple) else (found,)
            if number == len(self.modules) - 1:
                given = tuple(map(self._answers, given))
            return [_own(one) for one in given]

    def _try(self) -> None:
        """Run every part on a tiny input, so that errors of the device show at once."""
        for number, part in enumerate(self.parts.parts):
            values, side = [self.parts.values[name] for name in part.inputs], 4 * part.stride
            shapes = ((1, one.channels, *(2 * [side // one.stride])) for one in values)
            self._compute(number, [np.zeros(shape, np.float32) for shape in shapes])

    def _answers(self, found: torch.Tensor) -> torch.Tensor:
        """Return F as it is, or log(p / (1 - p)) of the softmax p over the classes."""
        if not self._windows:
            return found
        log_p = found.float().log_softmax(dim=1)
        return log_p - torch.log1p(-log_p.exp().clamp_max(1 - _LEAST))


def _own(found: torch.Tensor) -> NDArray[np.float32]:
    """Copy a tensor out of the memory of the library, see `parts.room`."""
    given = room(found.shape, channels_last=True)
    torch.from_numpy(given).copy_(found)
    return given


def _device_of(device: Device) -> torch.device:
    return torch.device(device)
