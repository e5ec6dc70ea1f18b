"""What every engine offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..settings import InferEngineName
from ..strides import Geometry


class InferEngine(Protocol):
    """Runs the convolutions of one network at one resolution.

    Attributes:
        name: as in a config.
        geometry: of its maps.
        peak: the most float32 values alive at once, per pixel of what it is shown; a lower bound.
        any_size: whether the classifier behind the maps takes maps of any size, and gives one
            answer for all of them.
    """

    name: InferEngineName
    geometry: Geometry
    peak: float
    any_size: bool

    def maps(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maps [1, C, h, w] of a normalized picture [1, C_in, H, W]."""
