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
        name: of the engine, as in a config.
        device: the device that computes.
        geometry: where the cells of the maps lie.
        parts: the parts of the network.
        any_size: whether the classifier takes maps of any size and gives one answer for the whole
            map.
        channels_last: whether the engine is faster if the channels of a cell lie together in
            memory.
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
        """Run the part of that number.

        Raises:
            DeviceMemoryError: the device has no memory for it.
        """
