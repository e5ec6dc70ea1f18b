"""The shipped model and a real photograph for the tests of the stages."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from locpipe.stages.models.card import Calibration
from locpipe.stages.models.loading import Model, find_model, load_model


@pytest.fixture(scope="session")
def digits() -> Model:
    return load_model(find_model("digits"))


@pytest.fixture(scope="session")
def photo() -> NDArray[np.uint8]:
    """A real photograph, uint8 [75, 113, 3]."""
    return np.ascontiguousarray(data.chelsea()[::4, ::4])


def calibration(label: str, slope: float = 1.0, intercept: float = 0.0) -> Calibration:
    return Calibration(
        weights="class",
        resolution="native",
        polarity="normal",
        scale=1.0,
        label=label,
        slope=slope,
        intercept=intercept,
    )
