import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.chance import (
    chance,
    log_uniform,
    normal,
    pick,
    uniform,
    weighted,
)

seeds = st.integers(0, 2**32)


@given(seeds, st.floats(0.1, 10), st.floats(1.01, 50))
def test_numbers_stay_in_their_range(seed: int, low: float, factor: float) -> None:
    rng = np.random.default_rng(seed)
    assert low <= uniform(rng, low, low * factor) <= low * factor
    assert low * 0.999 <= log_uniform(rng, low, low * factor) <= low * factor * 1.001


@given(seeds)
def test_weight_zero_is_never_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert weighted(rng, "abc", (0, 2, 0)) == "b"
    assert not chance(rng, 0)
    assert chance(rng, 1)


def test_weights_are_shares() -> None:
    rng = np.random.default_rng(1)
    drawn = [weighted(rng, "ab", (1, 3)) for _ in range(4000)]
    assert 0.70 < drawn.count("b") / 4000 < 0.80


def test_logarithm_is_uniform() -> None:
    rng = np.random.default_rng(2)
    drawn = np.array([log_uniform(rng, 8, 128) for _ in range(4000)])
    assert 0.45 < (drawn < 32).mean() < 0.55


def test_pick_and_normal_cover_all() -> None:
    rng = np.random.default_rng(3)
    assert {pick(rng, "xyz") for _ in range(99)} == set("xyz")
    assert 1.8 < np.std([normal(rng, 2) for _ in range(2000)]) < 2.2
