"""Where thresholds are put, of how well words are found by each, and what a pass shows."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.config import Config, InferConfig
from locpipe.pipeline.training.calibrate import Pass
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.text.calibrate import _Cut, _show, _Shown, _top
from locpipe.pipeline.training.text.weighing import rendered_settings
from locpipe.stages.model import find_model, load_model, read_card

GRID = np.arange(-2, 3.01, 0.25)
H = st.lists(st.floats(0, 1), min_size=1, max_size=len(GRID))


def cuts(found: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | list[float]) -> list[_Cut]:
    return [_Cut(low, 9.0, h) for low, h in zip(GRID.tolist(), found, strict=False)]


@pytest.mark.parametrize("top", [-0.6, 0.1, 0.37])
def test_the_top_lies_between_the_thresholds_tried(top: float) -> None:
    assert _top(cuts(0.8 - 0.03 * (GRID - top) ** 2), "low") == pytest.approx(top)


def test_chance_at_one_threshold_moves_the_top_little() -> None:
    found = 0.8 - 0.005 * GRID**2
    found[4] += 0.01  # now the highest, at -1
    assert abs(_top(cuts(found), "low")) < 0.25


def test_too_few_for_a_parabola_give_the_best() -> None:
    assert _top(cuts([0.1, 0.5, 0.7, 0.72, 0.3]), "low") == GRID[3]
    assert _top(cuts([0.6]), "low") == GRID[0]


@given(H)
def test_it_lies_where_words_are_found_nearly_as_well_as_anywhere(found: list[float]) -> None:
    good = [at for at, h in zip(GRID, found, strict=False) if h >= max(found) - 0.02]
    assert min(good) <= _top(cuts(found), "low") <= max(good)


def test_pictures_are_shown_as_a_run_shows_them(model_folder: Path) -> None:
    model = load_model(find_model("text"))
    settings = rendered_settings(model_folder, read_card(model_folder), None, 5)
    picture = Renderer(settings).render(0)
    height, width = picture.rgb.shape[:2]
    weights = np.ones((1, 48), np.float32)

    def shown(**options: object) -> _Shown:
        config = Config(
            model="text", infer=InferConfig.model_validate({"padding": "zeros"} | options)
        )
        return _show(model, Pass("native", "normal", 1.0), weights, picture, config)

    plain, large = shown(), shown(enlarge_to=2 * width * height / 1e6)
    assert plain.heat.shape[1:] == (-(-height // 4), -(-width // 4))
    assert large.heat.shape[2] == pytest.approx(2**0.5 * plain.heat.shape[2], abs=1)
    assert large.classes.shape == large.heat.shape[1:]
    coarse = shown(precision="bfloat16").heat
    assert np.abs(coarse - plain.heat).max() > 0
