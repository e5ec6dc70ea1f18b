"""What is checked before a run starts: settings that cannot work write nothing."""

from pathlib import Path

import pytest

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.run.preflight import check_masks
from locpipe.stages.errors import ConfigError
from locpipe.stages.models.loading import find_model, read_card

from ...conftest import RunLocpipe


def config(**sections: object) -> Config:
    return Config.model_validate({"model": "objects", **sections})


def test_masks_of_8_bits_number_255_labels() -> None:
    card = read_card(find_model("objects"))
    check_masks(card, config(heatmap={"labels": card.classes[:255]}))
    check_masks(card, config(heatmap={"labels": ["top255"]}))
    for labels in (card.classes[:256], ["top256"], []):
        with pytest.raises(ConfigError, match=r"number.* 255 labels.* output.masks=false"):
            check_masks(card, config(heatmap={"labels": labels}))
        check_masks(card, config(heatmap={"labels": labels}, output={"masks": False}))


def test_a_run_ends_at_once_and_writes_nothing(locpipe: RunLocpipe, tmp_path: Path) -> None:
    output = tmp_path / "out"
    found = locpipe(
        "run", "text", "--set", "heatmap.labels=[top2]", "--set", f"output.path={output}"
    )
    assert found.returncode == 2
    assert found.stderr.count("how probable a class is") == 1
    assert not output.exists()
