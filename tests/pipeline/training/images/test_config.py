from pathlib import Path

import pytest

from locpipe.pipeline.config.file import CONFIGS, find_config, parse_assignment, read_settings
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.stages.errors import ConfigError
from locpipe.stages.nets import NETWORKS
from locpipe.stages.nets.backbones import backbone_names

SHIPPED = ("nin", "heads", "tutorial-fc", "tutorial-dropout", "tutorial-pool", "tutorial-gap")


def read(name: str, *settings: str) -> ImagesTrainConfig:
    path = find_config(name, CONFIGS / "train")
    given = [parse_assignment(text) for text in settings]
    return read_settings(path, ImagesTrainConfig, given).config


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_config_is_valid(name: str) -> None:
    config = read(name)
    assert config.name == name
    assert config.output == Path("out/models") / name
    assert config.architecture in {*NETWORKS, *backbone_names()}


def test_the_four_of_the_tutorial_differ_in_their_ending_only() -> None:
    plain = {"name": "", "output": Path(), "architecture": ""}
    same = [read(name).model_copy(update=plain) for name in SHIPPED[2:]]
    assert same[0] == same[1] == same[2] == same[3]


def test_the_network_is_named_with_its_head() -> None:
    assert read("nin").network == "nin-grey"
    assert read("nin", "head=gap").network == "nin-grey + gap"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("head=maximum", r"head 'maximum' is unknown; there are: max, gap, lse\(beta\)"),
        ("head=lse(0)", "beta=0 is not allowed"),
        ("std=[0]", "std has 0.0, which pictures cannot be divided by"),
        ("mean=[0, 0]", "mean has 2 and std 1 values; give both 1 or 3"),
        ("weights=DEFAULT", "need a head, such as gap"),
        ("loss=hinge", "'log' or 'mantra'"),
        ("poch=1", "did you mean epochs"),
    ],
)
def test_a_wrong_value_is_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read("nin", setting)
