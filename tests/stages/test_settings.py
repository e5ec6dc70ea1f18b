"""What the stages can be told."""

from typing import get_args

import pytest

from locpipe.pipeline.config.sections import Config
from locpipe.stages import settings
from locpipe.stages.settings import (
    DecodingSettings,
    HeatmapSettings,
    InferSettings,
    StageSettings,
    Weights,
)


def test_scales_come_largest_first_in_whatever_order_they_are_given() -> None:
    assert InferSettings(scale=(0.5, 2.0, 1.0)).scale == (2.0, 1.0, 0.5)
    assert InferSettings.model_validate({"scale": 0.5}).scale == (0.5,)
    order, other = ({"model": "text", "infer": {"scale": s}} for s in ([0.5, 1], [1, 0.5]))
    assert Config.model_validate(order).sha256() == Config.model_validate(other).sha256()


def test_a_config_is_what_the_stages_are_told() -> None:
    config = Config(model="text")
    told: StageSettings = config
    assert told.infer == InferSettings()
    assert isinstance(config.input, DecodingSettings)


def test_every_weighting_can_be_chosen_and_no_other() -> None:
    for weights in get_args(Weights):
        assert HeatmapSettings(weights=weights).weights == weights
    with pytest.raises(ValueError, match="'paper', 'class'"):
        HeatmapSettings.model_validate({"weights": "cam"})


def test_another_version_of_the_results_is_another_config(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = Config(model="text").sha256()
    monkeypatch.setattr(
        "locpipe.pipeline.config.sections.RESULT_VERSION", settings.RESULT_VERSION + 1
    )
    assert Config(model="text").sha256() != before
