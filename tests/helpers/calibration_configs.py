"""Configs that ask for calibrations of the shipped digits, and that model."""

import pytest

from locpipe.pipeline.config.sections import Config
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.settings import HeatmapSettings, InferSettings

PAPER = Config(
    model="digits", heatmap=HeatmapSettings(weights="paper"), infer=InferSettings(scale=(1.0, 0.5))
)
BOTH = Config(
    model="digits",
    heatmap=HeatmapSettings(weights="class", labels=("0", "9")),
    infer=InferSettings(polarity="both"),
)


@pytest.fixture(scope="session")
def shipped() -> Model:
    return load_model(find_model("digits"))
