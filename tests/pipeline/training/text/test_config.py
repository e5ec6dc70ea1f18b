from pathlib import Path

import pytest
import yaml

from locpipe.pipeline.cli.train import kind_of
from locpipe.pipeline.config.file import CONFIGS, parse_assignment, read_settings
from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.stages.errors import ConfigError


def test_the_shipped_config_spells_out_the_defaults() -> None:
    file = CONFIGS / "train" / "text.yaml"
    config = read_settings(file, TextTrainConfig).config
    # Only who has the fonts can render the scripts, so no default asks for them.
    asked = {"kinds": config.render.kinds, "scripts": config.render.scripts}
    default = TextTrainConfig(kind="text")
    assert sum(config.render.scripts.values()) > 0.1
    assert config.render.kinds.cjk_document > 0
    assert config == default.model_copy(update={"render": default.render.model_copy(update=asked)})
    told = yaml.safe_load(file.read_text()).keys()
    assert TextTrainConfig.model_fields.keys() == told


def test_the_kind_chooses_the_training(tmp_path: Path) -> None:
    assert kind_of(CONFIGS / "train" / "text.yaml") == "text"
    assert kind_of(CONFIGS / "train" / "digits.yaml") != "text"
    for nonsense in ("[1, 2]", "a: [", "\0"):
        file = tmp_path / "nonsense.yaml"
        file.write_text(nonsense)
        assert kind_of(file) == ""
    assert kind_of(tmp_path / "missing.yaml") == ""


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("crops: {side: 100}", "crops.side"),
        ("crops: {zoom: [0, 1]}", "crops.zoom"),
        ("ema: 1.0", "ema"),
        ("lerning_rate: 1", "learning_rate"),
        ("precision: fp16", "precision"),
        ("validation: {every: 0}", "validation.every"),
        ("render: {width: 3}", "render.width"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "text.yaml"
    file.write_text(f"kind: text\n{line}\n")
    with pytest.raises(ConfigError, match=complaint):
        read_settings(file, TextTrainConfig)


def test_the_message_shows_the_line_to_write() -> None:
    given = [parse_assignment("render.backgrounds=photographs")]
    with pytest.raises(ConfigError, match=r"--set 'render.backgrounds=\[photographs\]'"):
        read_settings(CONFIGS / "train" / "text.yaml", TextTrainConfig, given)
