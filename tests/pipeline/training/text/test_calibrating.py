import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from locpipe.pipeline.cli.train import calibrate, weigh
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.training.digits.calibrate import Pass, Vector
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions
from locpipe.pipeline.training.text.calibrate import Calibrated, calibrate_positions
from locpipe.pipeline.training.text.weighing import rendered_settings
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.heatmap import filter_weights, heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import load_model, read_card
from locpipe.stages.settings import BoxesSettings, HeatmapSettings, InferSettings, ThresholdSettings
from locpipe.stages.threshold import threshold


@pytest.fixture(scope="module")
def weighed(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A copy of the model with tables, and what `locpipe weigh` said."""
    folder = tmp_path_factory.mktemp("weighed") / "model"
    shutil.copytree(model_folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("locpipe.pipeline.training.text.weighing._PICTURES", 6)
        return folder, CliRunner().invoke(weigh, [str(folder)])


@pytest.fixture
def run_config(tmp_path: Path) -> Path:
    file = tmp_path / "text.yaml"
    sections = {
        "model": "text",
        "infer": {"scale": [1.0, 0.5], "padding": "zeros"},
        "heatmap": {"labels": ["text"]},
        "boxes": {"shape": "rotated", "padding": 0.5},
    }
    file.write_text(yaml.safe_dump(sections))
    return file


def test_weigh_measures_all_tables_on_rendered_positions(weighed: tuple[Path, Result]) -> None:
    folder, result = weighed
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1 + 48
    model = load_model(folder)
    assert model.card.tables["pictures"] == 6
    assert model.tables.count.sum() > 5 * 128 * 128
    assert model.tables.count[0] > model.tables.count[1] > 0
    for table in (model.tables.error, model.tables.energy, model.tables.excitation):
        assert table.shape == (48, 3)
        assert np.isfinite(table).all()


def test_calibrate_fits_every_kind_and_scale(
    weighed: tuple[Path, Result], run_config: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(weighed[0], folder)
    arguments = [str(folder), "--config", str(run_config), "--all", "--canvases", "6"]
    result = CliRunner().invoke(calibrate, arguments)
    assert result.exit_code == 0, result.output
    card = read_card(folder)
    maps = {(one.weights, one.scale, one.label) for one in card.calibrations}
    kinds = ("paper", "class", "contrast", "energy", "excitation", "linear")
    assert maps == {(kind, scale, "text") for kind in kinds for scale in (1.0, 0.5)}
    assert len(result.stdout.splitlines()) == 1 + 12
    assert card.calibration["pictures"] == 6
    again = CliRunner().invoke(calibrate, arguments)
    assert again.stdout == result.stdout
    assert len(read_card(folder).calibrations) == 12
    load_model(folder)  # its checksums still hold


def test_pictures_without_a_word_are_not_enough(weighed: tuple[Path, Result]) -> None:
    model = load_model(weighed[0])
    empty = Proportions(negative=1, near=0, far=0, document=0, large=0)
    settings = rendered_settings(weighed[0], model.card, None, 5)
    picture = Renderer(settings.model_copy(update={"kinds": empty})).render(0)
    vector = Vector("linear", "text", (1,), filter_weights(model, "text", weights="linear")[0][1])
    config, shown = Config(model="text"), Pass("native", "normal", 1.0)
    fits = calibrate_positions(model, shown, [vector], [picture], config)
    with pytest.raises(
        ConfigError, match="no word is on the 1 rendered pictures; calibrate on more"
    ):
        next(fits)


def _calibrated(folder: Path, options: ThresholdSettings) -> tuple[Calibrated, NDArray[np.bool_]]:
    """What the linear weights are fitted to, and the mask of one more picture by that."""
    model = load_model(folder)
    renderer = Renderer(rendered_settings(folder, model.card, None, 5))
    pictures = [renderer.render(index) for index in range(3)]
    vector = Vector("linear", "text", (1,), filter_weights(model, "text", weights="linear")[0][1])
    config = Config(
        model=str(folder),
        infer=InferSettings(padding="zeros"),
        heatmap=HeatmapSettings(labels=("text",)),
        threshold=options,
        boxes=BoxesSettings(shape="rotated", padding=0.5),
    )
    shown = Pass("native", "normal", 1.0)
    (one,) = calibrate_positions(model, shown, [vector], pictures, config)
    card = model.card.model_copy(update={"calibrations": (one.calibration,)})
    features = infer(model, renderer.render(3).rgb, padding="zeros")
    heat = heatmap(replace(model, card=card), [features], labels=["text"], weights="linear")
    return one, threshold(heat, **options.model_dump()).values


def test_the_best_thresholds_become_those_of_the_config(weighed: tuple[Path, Result]) -> None:
    """Two configs that cut elsewhere keep the same cells, each after its own calibration."""
    first, mask = _calibrated(weighed[0], ThresholdSettings(method="hysteresis", low=0.5, high=0.8))
    second, same = _calibrated(
        weighed[0], ThresholdSettings(method="hysteresis", low=0.2, high=0.9)
    )
    assert (first.low, first.high, first.found) == (second.low, second.high, second.found)
    assert 0 < first.low <= first.high < 1
    assert 0 <= first.found <= 1
    assert first.calibration.slope > 0
    if first.low < first.high:
        assert first.calibration != second.calibration
        np.testing.assert_array_equal(mask, same)


def test_one_threshold_is_moved_to_where_the_config_has_it(weighed: tuple[Path, Result]) -> None:
    first, mask = _calibrated(weighed[0], ThresholdSettings(value=0.5))
    second, same = _calibrated(weighed[0], ThresholdSettings(value=0.7))
    assert first.low == first.high == second.low
    assert first.calibration.slope == second.calibration.slope
    np.testing.assert_array_equal(mask, same)


def test_a_model_that_was_never_rendered_for_is_refused(weighed: tuple[Path, Result]) -> None:
    card = read_card(weighed[0]).model_copy(update={"training": {}})
    with pytest.raises(ModelError, match="does not say what it was trained on"):
        rendered_settings(weighed[0], card, None, 1)


def test_changed_weights_are_not_weighed(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"")
    result = CliRunner().invoke(weigh, [str(tmp_path / "model")])
    assert isinstance(result.exception, ModelError)
    assert "not what model.yaml says" in str(result.exception)


def test_backgrounds_may_lie_elsewhere(weighed: tuple[Path, Result], tmp_path: Path) -> None:
    card = read_card(weighed[0])
    settings = rendered_settings(weighed[0], card, tmp_path, 5)
    assert settings.backgrounds == (tmp_path,)
    assert settings.seed == 5
    assert (settings.width, settings.height) == (512, 512)
