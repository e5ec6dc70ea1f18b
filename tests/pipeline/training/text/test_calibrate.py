"""Where thresholds are put, of how well words are found by each, and what a pass shows."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.training.digits.calibrate import Pass
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.text.calibrate import _show, _Shown, _top
from locpipe.pipeline.training.text.weighing import rendered_settings
from locpipe.stages.models.loading import find_model, load_model, read_card
from locpipe.stages.settings import InferSettings

LINE = np.arange(-2, 3.01, 0.25)[:, None]
PLANE = np.array([(low, high) for low in LINE[:, 0] for high in np.arange(0, 6.1, 0.5)])


def bowl(tried: NDArray[np.float64], top: Sequence[float], bends: object) -> NDArray[np.float64]:
    """Return H that falls off from its top: by the quadratic form of the bends."""
    away = tried - np.array(top)
    return np.asarray(0.8 - np.einsum("ni,ij,nj->n", away, np.array(bends), away))


@pytest.mark.parametrize("top", [-0.6, 0.1, 0.37])
def test_the_top_lies_between_the_thresholds_tried(top: float) -> None:
    assert _top(LINE, bowl(LINE, [top], [[0.03]])) == pytest.approx([top])


@pytest.mark.parametrize("lean", [-0.008, 0.0, 0.008])
def test_two_thresholds_are_found_at_once(lean: float) -> None:
    """Where the best lower one depends on the upper one: neither is fitted first."""
    found = bowl(PLANE, [0.37, 2.6], [[0.03, lean], [lean, 0.006]])
    assert _top(PLANE, found) == pytest.approx([0.37, 2.6])


def test_chance_at_one_cut_moves_the_top_little() -> None:
    found = bowl(PLANE, [0.0, 3.0], [[0.01, 0.0], [0.0, 0.005]])
    found[np.flatnonzero((PLANE == [-1.0, 4.0]).all(axis=1))] += 0.02  # now the highest
    assert np.abs(_top(PLANE, found) - [0.0, 3.0]).max() < 0.25


def test_too_few_for_a_paraboloid_give_the_best() -> None:
    found = np.zeros(len(LINE))
    found[:5] = [0.1, 0.5, 0.7, 0.72, 0.3]
    assert _top(LINE, found) == LINE[3]
    assert _top(LINE[:1], found[:1]) == LINE[0]
    in_a_row = PLANE[:, 1] == 2.0  # says nothing of the upper threshold
    flat = np.where(in_a_row, bowl(PLANE, [0.3, 2.0], np.eye(2) / 100), 0.1)
    assert _top(PLANE, flat).tolist() == [0.25, 2.0]


def test_a_saddle_has_no_top() -> None:
    found = bowl(PLANE, [0.5, 3.0], [[0.01, 0.0], [0.0, -0.0005]])
    assert _top(PLANE, found).tolist() == PLANE[found.argmax()].tolist()


@given(arrays(np.float64, len(PLANE), elements=st.floats(0, 1)))
def test_it_lies_where_words_are_found_nearly_as_well_as_anywhere(
    found: NDArray[np.float64],
) -> None:
    good = PLANE[found >= found.max() - 0.04]
    top = _top(PLANE, found)
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

    def shown(**options: object) -> _Shown:
        config = Config(
            model="text", infer=InferSettings.model_validate({"padding": "zeros"} | options)
        )
        return _show(model, Pass("native", "normal", 1.0), weights, picture, config)

    plain, large = shown(), shown(enlarge_to=2 * width * height / 1e6)
    assert plain.heat.shape[1:] == (-(-height // 4), -(-width // 4))
    assert large.heat.shape[2] == pytest.approx(2**0.5 * plain.heat.shape[2], abs=1)
    assert large.classes.shape == large.heat.shape[1:]
    coarse = shown(precision="bfloat16").heat
    assert np.abs(coarse - plain.heat).max() > 0
