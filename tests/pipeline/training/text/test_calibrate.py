"""Where thresholds are put, of how well words are found by each, and what a pass shows."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import logit

from locpipe.pipeline.cli.calibrate import calibrate
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.training.calibration import Pass, Vector
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions
from locpipe.pipeline.training.text.calibrate import (
    Calibrated,
    ShownPicture,
    calibrate_positions,
    shown_by,
    top_of,
)
from locpipe.pipeline.training.text.card import rendered_settings
from locpipe.stages.errors import ConfigError
from locpipe.stages.heatmap import filter_weights
from locpipe.stages.models.loading import find_model, load_model, read_card
from locpipe.stages.settings import BoxesSettings, HeatmapSettings, InferSettings, ThresholdSettings

LINE = np.arange(-2, 3.01, 0.25)[:, None]
PLANE = np.array([(low, high) for low in LINE[:, 0] for high in np.arange(0, 6.1, 0.5)])


def bowl(tried: NDArray[np.float64], top: Sequence[float], bends: object) -> NDArray[np.float64]:
    """Return H that falls off from its top: by the quadratic form of the bends."""
    away = tried - np.array(top)
    return np.asarray(0.8 - np.einsum("ni,ij,nj->n", away, np.array(bends), away))


@pytest.mark.parametrize("top", [-0.6, 0.1, 0.37])
def test_the_top_lies_between_the_thresholds_tried(top: float) -> None:
    assert top_of(LINE, bowl(LINE, [top], [[0.03]])) == pytest.approx([top])


@pytest.mark.parametrize("lean", [-0.008, 0.0, 0.008])
def test_two_thresholds_are_found_at_once(lean: float) -> None:
    """Where the best lower one depends on the upper one: neither is fitted first."""
    found = bowl(PLANE, [0.37, 2.6], [[0.03, lean], [lean, 0.006]])
    assert top_of(PLANE, found) == pytest.approx([0.37, 2.6])


def test_chance_at_one_cut_moves_the_top_little() -> None:
    found = bowl(PLANE, [0.0, 3.0], [[0.01, 0.0], [0.0, 0.005]])
    found[np.flatnonzero((PLANE == [-1.0, 4.0]).all(axis=1))] += 0.02  # now the highest
    assert np.abs(top_of(PLANE, found) - [0.0, 3.0]).max() < 0.25


def test_too_few_for_a_paraboloid_give_the_best() -> None:
    found = np.zeros(len(LINE))
    found[:5] = [0.1, 0.5, 0.7, 0.72, 0.3]
    assert top_of(LINE, found) == LINE[3]
    assert top_of(LINE[:1], found[:1]) == LINE[0]
    in_a_row = PLANE[:, 1] == 2.0  # says nothing of the upper threshold
    flat = np.where(in_a_row, bowl(PLANE, [0.3, 2.0], np.eye(2) / 100), 0.1)
    assert top_of(PLANE, flat).tolist() == [0.25, 2.0]


def test_a_saddle_has_no_top() -> None:
    found = bowl(PLANE, [0.5, 3.0], [[0.01, 0.0], [0.0, -0.0005]])
    assert top_of(PLANE, found).tolist() == PLANE[found.argmax()].tolist()


@given(arrays(np.float64, len(PLANE), elements=st.floats(0, 1)))
def test_it_lies_where_words_are_found_nearly_as_well_as_anywhere(
    found: NDArray[np.float64],
) -> None:
    good = PLANE[found >= found.max() - 0.04]
    top = top_of(PLANE, found)
    assert (good.min(axis=0) <= top).all()
    assert (top <= good.max(axis=0)).all()


def test_pictures_are_shown_as_a_run_shows_them(
    model_folder: Path, processor: Callable[..., None]
) -> None:
    processor(bfloat16=True)
    model = load_model(find_model("text"))
    settings = rendered_settings(model_folder, read_card(model_folder), None, 5)
    picture = Renderer(settings).render(0)
    height, width = picture.rgb.shape[:2]
    weights = np.ones((1, 48), np.float32)

    def shown(**options: object) -> ShownPicture:
        config = Config(
            model="text", infer=InferSettings.model_validate({"padding": "zeros"} | options)
        )
        return shown_by(model, Pass("native", "normal", 1.0), weights, picture, config)

    plain, large = shown(), shown(enlarge_to=2 * width * height / 1e6)
    assert plain.heat.shape[1:] == (-(-height // 4), -(-width // 4))
    assert large.heat.shape[2] == pytest.approx(2**0.5 * plain.heat.shape[2], abs=1)
    assert large.classes.shape == large.heat.shape[1:]
    coarse = shown(precision="bfloat16").heat
    assert np.abs(coarse - plain.heat).max() > 0


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


def _calibrated(folder: Path, options: ThresholdSettings) -> Calibrated:
    """What the linear weights are fitted to."""
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
    return one


def cut_at(one: Calibrated, *thresholds: float) -> NDArray[np.float64]:
    """Return the sums of filters that a calibration puts at these thresholds."""
    return np.asarray((logit(thresholds) - one.calibration.intercept) / one.calibration.slope)


def test_the_best_thresholds_become_those_of_the_config(weighed: tuple[Path, Result]) -> None:
    """Two configs that cut elsewhere keep the same cells, each after its own calibration."""
    first = _calibrated(weighed[0], ThresholdSettings(method="hysteresis", low=0.5, high=0.8))
    second = _calibrated(weighed[0], ThresholdSettings(method="hysteresis", low=0.2, high=0.9))
    assert (first.low, first.high, first.found) == (second.low, second.high, second.found)
    assert 0 < first.low < first.high < 1
    assert 0 <= first.found <= 1
    assert first.calibration.slope > 0
    assert first.calibration != second.calibration
    cuts = cut_at(first, 0.5, 0.8)
    # In units of the distance of both cuts: the lower one may be next to zero.
    room = 1e-4 * abs(cuts[1] - cuts[0])
    np.testing.assert_allclose(cuts, cut_at(second, 0.2, 0.9), rtol=0, atol=room)


def test_one_threshold_is_moved_to_where_the_config_has_it(weighed: tuple[Path, Result]) -> None:
    first = _calibrated(weighed[0], ThresholdSettings(value=0.5))
    second = _calibrated(weighed[0], ThresholdSettings(value=0.7))
    assert first.low == first.high == second.low
    assert first.calibration.slope == second.calibration.slope
    np.testing.assert_allclose(cut_at(first, 0.5), cut_at(second, 0.7), rtol=1e-4)
