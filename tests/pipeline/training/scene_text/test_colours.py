import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.colours import (
    any_colour,
    contrast,
    contrasting,
    sign_colours,
)

seeds = st.integers(0, 10**6)
levels = st.integers(0, 255)


def test_contrast_counts_lightness_and_hue() -> None:
    black, white = np.zeros(3), np.full(3, 255.0)
    assert contrast(black, white) == pytest.approx(255)
    assert contrast(white, white) == 0
    red, green = np.array([200.0, 0, 0]), np.array([0.0, 102, 0])
    assert contrast(red, green) == 100


@given(seeds, st.tuples(levels, levels, levels), st.floats(0, 115))
def test_contrasting_keeps_its_distance(
    seed: int, below: tuple[int, int, int], least: float
) -> None:
    ground = np.array(below, np.float64)
    colour = contrasting(np.random.default_rng(seed), ground, least)
    assert contrast(colour, ground) >= least


@given(seeds)
def test_colours_are_colours_and_signs_can_be_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    paper, ink = sign_colours(rng)
    for colour in (paper, ink, any_colour(rng)):
        assert colour.shape == (3,)
        assert (colour >= 0).all()
        assert (colour <= 255).all()
    assert contrast(paper, ink) > 15
