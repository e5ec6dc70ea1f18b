"""What only the network tells: settings that cannot work end a run before it starts."""

from pathlib import Path

import pytest

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.run import preflight as trial
from locpipe.stages.errors import ConfigError
from locpipe.stages.models.loading import find_model, load_model, read_card

from ...conftest import RunLocpipe

LITE0 = {"backbone": "efficientnet_lite0"}


def config(model: object, **sections: object) -> Config:
    return Config.model_validate({"model": model, **sections})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (config("text", heatmap={"labels": ["top2"]}), "how probable a class is .*by name"),
        (
            config("text", heatmap={"labels": ["text"], "min_probability": 0.1}),
            "heatmap.min_probability=0",
        ),
        (
            config("text", heatmap={"labels": ["text"]}, boxes={"classify": True}),
            "set boxes.classify=false",
        ),
        (config("digits", heatmap={"labels": ["top1"]}), "digits does not say how probable"),
        (
            config(LITE0, heatmap={"labels": ["top1"], "weights": "classifier"}),
            "as all do with heatmap.weights=classifier",
        ),
        (config(LITE0, heatmap={"normalize": "minmax"}), "`class` .* not measured"),
        (config(LITE0, heatmap={"weights": "linear", "labels": ["top1"]}), "has no calibration"),
    ],
)
def test_what_a_network_cannot_do_is_told_by_a_trial(settings: Config, message: str) -> None:
    folder = find_model(settings.source)
    assert trial.is_needed(read_card(folder), settings)
    with pytest.raises(ConfigError, match=message):
        trial.try_out(load_model(folder), settings)


@pytest.mark.parametrize("name", ["digits", "digits-windows", "objects", "text", "text-lenet"])
def test_what_ships_passes(name: str) -> None:
    shipped = read_settings(find_config(name), Config).config
    folder = find_model(shipped.source)
    trial.try_out(load_model(folder), shipped)


def test_the_main_job_needs_none() -> None:
    """It would load torch into the parent of a run, which otherwise does without."""
    shipped = read_settings(find_config("text"), Config).config
    assert not trial.is_needed(read_card(find_model(shipped.source)), shipped)


def test_a_run_ends_at_once_and_writes_nothing(locpipe: RunLocpipe, tmp_path: Path) -> None:
    output = tmp_path / "out"
    found = locpipe(
        "run", "text", "--set", "heatmap.labels=[top2]", "--set", f"output.path={output}"
    )
    assert found.returncode == 2
    assert found.stderr.count("how probable a class is") == 1
    assert not output.exists()
