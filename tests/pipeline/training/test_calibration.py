import numpy as np
import pytest
from calibration_configs import BOTH, PAPER
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.training.calibration import Pass, asked_for, fit
from locpipe.stages.models.loading import Model
from locpipe.stages.settings import HeatmapSettings


@settings(deadline=None, max_examples=20)
@given(
    gap=st.floats(0.5, 3),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-10, 10),
    prior=st.floats(0.02, 0.9),
)
def test_two_normal_variables_give_their_own_log_odds(
    gap: float, scale: float, shift: float, prior: float
) -> None:
    """N(gap, 1) against N(0, 1): log-odds = gap * x - gap^2 / 2 + logit(prior)."""
    random = default_rng(0)
    negative, positive = random.standard_normal((2, 20_000))
    x0, x1 = (scale * (one + shift) for one in (negative, positive + gap))
    slope, intercept = fit(x1, x0, prior)
    assert slope * scale == pytest.approx(gap, rel=0.15)
    expected = -(gap**2) / 2 + np.log(prior / (1 - prior))
    assert intercept + slope * scale * shift == pytest.approx(expected, rel=0.15, abs=0.15)


def test_a_map_that_is_hotter_on_ground_says_nothing() -> None:
    random = default_rng(0)
    slope, intercept = fit(random.normal(0, 1, 1000), random.normal(1, 1, 1000), 0.05)
    assert slope == 0
    assert intercept == pytest.approx(np.log(0.05 / 0.95), rel=1e-3)


def test_a_constant_map_says_the_prior() -> None:
    slope, intercept = fit(np.ones(10), np.ones(30), 0.05)
    assert slope + intercept == pytest.approx(np.log(0.05 / 0.95), rel=1e-3)


def test_configs_ask_for_their_passes_and_maps(shipped: Model) -> None:
    asked = asked_for(shipped, [PAPER, BOTH], every_kind=False)
    assert {one: {(v.weights, v.label) for v in vectors} for one, vectors in asked.items()} == {
        Pass("native", "normal", 1.0): {("paper", "text"), ("class", "0"), ("class", "9")},
        Pass("native", "normal", 0.5): {("paper", "text")},
        Pass("native", "inverted", 1.0): {("class", "0"), ("class", "9")},
    }
    everything = asked_for(shipped, [PAPER], every_kind=True)
    assert {len(vectors) for vectors in everything.values()} == {1 + 5 * 10}


def test_a_summed_group_is_one_map(shipped: Model) -> None:
    config = Config(model="digits", heatmap=HeatmapSettings(group="sum"))
    (vectors,) = asked_for(shipped, [config], every_kind=False).values()
    assert [(v.weights, v.label, v.classes) for v in vectors] == [
        ("class", "text", tuple(range(10)))
    ]
