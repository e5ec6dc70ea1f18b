"""How often, and how large, a network is shown a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.stages.passes import fitted, passes
from locpipe.stages.settings import InferSettings

sides = st.integers(1, 12_000)


@given(width=sides, height=sides, wanted=st.floats(0.01, 30))
def test_small_pictures_are_enlarged_to_what_is_asked_for_but_not_blown_up(
    width: int, height: int, wanted: float
) -> None:
    factor = fitted(InferSettings(enlarge_to=wanted), width, height)
    shown = factor**2 * width * height / 1e6
    assert 1 <= factor <= 1.5
    if factor == 1:
        assert width * height / 1e6 >= wanted * (1 - 1e-9)
    elif factor < 1.5:
        assert shown == pytest.approx(wanted)
    else:
        assert shown <= wanted * (1 + 1e-9)


@given(width=sides, height=sides, wanted=st.none() | st.floats(0.01, 30), side=sides)
def test_no_picture_is_shown_larger_than_its_longest_side_may_be(
    width: int, height: int, wanted: float | None, side: int
) -> None:
    factor = fitted(InferSettings(enlarge_to=wanted, long_side=side), width, height)
    assert factor * max(width, height) <= side * (1 + 1e-9)


def test_polarities_of_a_scale_come_together_and_large_scales_first() -> None:
    shown = passes(InferSettings(scale=(0.5, 1.0), polarity="both", long_side=50), 100, 20)
    assert list(shown) == [
        (0.5, "normal"),
        (0.5, "inverted"),
        (0.25, "normal"),
        (0.25, "inverted"),
    ]


def test_coarse_passes_come_last_and_only_where_a_large_letter_fits() -> None:
    coarse = InferSettings(coarse="auto")
    assert [scale for scale, _ in passes(coarse, 1000, 800)] == [1, 1 / 4, 1 / 16]
    assert [scale for scale, _ in passes(coarse, 1000, 200)] == [1, 1 / 4]
    assert [scale for scale, _ in passes(coarse, 1000, 100)] == [1]
    assert [scale for scale, _ in passes(InferSettings(), 1000, 800)] == [1]
