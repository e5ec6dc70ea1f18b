from pathlib import Path

import pytest
from pydantic import ValidationError

from locpipe.pipeline.config.file import CONFIGS, parse_assignment, read_settings
from locpipe.pipeline.training.scene_text.settings import Proportions, RenderSettings
from locpipe.stages.errors import ConfigError

SHIPPED = CONFIGS / "render" / "text.yaml"


def test_shipped_config_reads_and_is_the_default() -> None:
    assert read_settings(SHIPPED, RenderSettings).config == RenderSettings()


def test_override_reaches_a_nested_key() -> None:
    assignments = [parse_assignment("fonts.everyday_share=0.5"), parse_assignment("kinds.far=0")]
    config = read_settings(SHIPPED, RenderSettings, assignments).config
    assert config.fonts.everyday_share == 0.5
    assert config.kinds.far == 0


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("curvd=0.5", "curvd"),
        ("width=10", "width"),
        ("cjk=2", "cjk"),
        ("scripts={klingon: 0.1}", "klingon"),
        ("scripts={greek: 0.6, thai: 0.5}", "the shares add up to 1.1"),
        ("text_height=[40, 20]", "the first must be less"),
        ("text_height=[2, 20]", "text_height"),
        ("kinds={negative: 0, near: 0, far: 0, document: 0, large: 0}", "all kinds are 0"),
    ],
)
def test_mistake_is_named(override: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_settings(SHIPPED, RenderSettings, [parse_assignment(override)])


def test_settings_cannot_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RenderSettings().seed = 3


def test_home_expands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = RenderSettings.model_validate({"words": "~/words", "backgrounds": ["~/a"]})
    assert settings.words == Path("/home/somebody/words")
    assert settings.backgrounds == (Path("/home/somebody/a"),)


def test_shares_need_not_sum_to_one() -> None:
    assert Proportions(negative=3, near=4).near == 4
