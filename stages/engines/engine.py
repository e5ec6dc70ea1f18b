"""What every engine offers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..parts import Parts
from ..settings import Device, InferEngineName
from ..strides import Geometry


class DeviceMemoryError(Exception):
    """A graphics card has too little memory for a window."""


class InferEngine(Protocol):
    """Runs the convolutions of one network at one resolution.

    Attributes:
        name: as in a config.
        device: that computes.
        geometry: of its maps.
        parts: of the network.
        any_size: whether the classifier behind the maps takes maps of any size, and gives one
            answer for all of them.
        channels_last: whether it is faster where the channels of a cell lie together in memory.
    """

    name: InferEngineName
    device: Device
    geometry: Geometry
    parts: Parts
    any_size: bool
    channels_last: bool

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Return what the part of that number gives, [1, C, h, w] each, for its inputs.

        Raises:
            DeviceMemoryError: the device has no memory for it.
        """
