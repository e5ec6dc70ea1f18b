import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.wsol.pointing import hit, pointing

BOX = np.array([[50, 40, 60, 80]])


def heat_at(x: int, y: int) -> np.ndarray:
    heat = np.zeros((120, 160))
    heat[y, x] = 1
    return heat


def mask_of(box: np.ndarray) -> np.ndarray:
    mask = np.zeros((120, 160), np.bool_)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        pytest.param(55, 60, 1, id="inside"),
        pytest.param(35, 60, 1, id="15 pixels to the left of the first column"),
        pytest.param(34, 60, 0, id="16 pixels"),
        pytest.param(74, 60, 1, id="15 pixels to the right of the last column"),
        pytest.param(75, 60, 0, id="16 pixels to the right"),
        pytest.param(41, 28, 1, id="9 and 12 pixels from the corner: 15"),
        pytest.param(40, 28, 0, id="10 and 12 pixels from the corner: 15.6"),
    ],
)
def test_a_hit_is_at_most_15_pixels_away(x: int, y: int, expected: float) -> None:
    assert hit(heat_at(x, y), BOX) == expected
    assert hit(heat_at(x, y), mask_of(BOX[0])) == expected


def test_any_of_several_objects_will_do() -> None:
    boxes = np.array([[100, 0, 110, 10], [50, 40, 60, 80]])
    assert pointing([heat_at(55, 60), heat_at(105, 5), heat_at(150, 110)], [boxes] * 3) == 2 / 3


def test_of_several_hottest_pixels_each_counts_its_share() -> None:
    heat = np.zeros((120, 160))
    heat[60, [52, 53, 120, 130]] = 0.3
    assert hit(heat, BOX) == 0.5


def test_a_picture_without_the_object_is_a_miss() -> None:
    assert hit(heat_at(55, 60), np.zeros((120, 160), np.bool_)) == 0


corner = st.tuples(st.integers(0, 150), st.integers(0, 110))
# Squared distances are whole numbers: with these no distance is exactly the tolerance.
tolerances = st.integers(0, 1600).map(lambda squared: math.sqrt(squared + 0.5))


@given(corner, st.integers(1, 9), st.integers(1, 9), corner, tolerances)
def test_boxes_count_like_masks(
    at: tuple[int, int], width: int, height: int, point: tuple[int, int], tolerance: float
) -> None:
    box = np.array([at[0], at[1], at[0] + width, at[1] + height])
    heat = heat_at(*point)
    by_mask = hit(heat, mask_of(box), tolerance=tolerance)
    assert hit(heat, box[None], tolerance=tolerance) == by_mask


@given(corner, tolerances, tolerances)
def test_tolerance_only_adds_hits(point: tuple[int, int], one: float, other: float) -> None:
    less, more = (hit(heat_at(*point), BOX, tolerance=t) for t in sorted((one, other)))
    assert less <= more
