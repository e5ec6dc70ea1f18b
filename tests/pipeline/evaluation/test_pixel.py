from dataclasses import astuple

import numpy as np
import pytest
from evaluation_fixtures import rect
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Polygon, Region
from locpipe.pipeline.evaluation.pixel import pixel

WORD = rect(0, 0, 10, 10)
BOW_TIE = np.array([[0, 0], [10, 10], [10, 0], [0, 10]], dtype=np.float64)
FLAT = np.array([[0, 0], [5, 0], [10, 0], [2, 0]], dtype=np.float64)


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        pytest.param([Region(WORD)], [rect(5, 0, 25, 10)], (50, 100, 50, 200), id="shifted"),
        pytest.param([Region(WORD)], [WORD, WORD], (100, 100, 100, 100), id="twice is once"),
        # Columns 0..10 and 5..15 make a truth of 15 columns.
        pytest.param(
            [Region(WORD), Region(rect(5, 0, 15, 10))], [WORD], (100, 150, 100, 100), id="union"
        ),
        # The ignored columns 4..10 leave 40 of the word, and 40 + 20 of the box.
        pytest.param(
            [Region(WORD), Region(rect(4, 0, 10, 10), ignored=True)],
            [rect(0, 0, 12, 10)],
            (40, 40, 40, 60),
            id="ignored",
        ),
        # The picture is 50 wide and 20 high.
        pytest.param(
            [Region(rect(45, 15, 55, 25))],
            [rect(40, 15, 60, 35)],
            (25, 25, 25, 50),
            id="over the edge",
        ),
        # Two triangles with the tips at the centre, half of the square.
        pytest.param([Region(WORD)], [BOW_TIE], (50, 100, 50, 50), id="self-crossing"),
        pytest.param([Region(WORD)], [FLAT], (0, 100, 0, 0), id="flat"),
        pytest.param([Region(WORD)], [], (0, 100, 0, 0), id="nothing found"),
        pytest.param([], [WORD], (0, 0, 0, 100), id="nothing to find"),
        pytest.param([], [], (0, 0, 0, 0), id="nothing at all"),
    ],
)
def test_by_hand(
    truth: list[Region], detections: list[Polygon], expected: tuple[float, ...]
) -> None:
    assert astuple(pixel(ComparedPicture("a", (50, 20), truth, detections))) == pytest.approx(
        expected
    )


triangles = st.lists(st.tuples(st.floats(-10, 60), st.floats(-10, 60)), min_size=3, max_size=3).map(
    lambda points: np.array(points, dtype=np.float64)
)


SIDE, FINE = 50, 8
SAMPLES = (np.indices((SIDE * FINE, SIDE * FINE)).T.reshape(-1, 2) + 0.5) / FINE


def samples_in(triangles: list[Polygon]) -> NDArray[np.bool_]:
    """Which of the samples, `FINE`² for each pixel, lie in any of the triangles."""
    inside = np.zeros(len(SAMPLES), dtype=np.bool_)
    for triangle in triangles:
        edges = np.roll(triangle, -1, axis=0) - triangle
        to_sample = SAMPLES[:, None] - triangle
        sides = edges[:, 0] * to_sample[..., 1] - edges[:, 1] * to_sample[..., 0]
        inside |= (sides > 0).all(axis=1) | (sides < 0).all(axis=1)
    return inside


@settings(max_examples=30, deadline=None)
@given(st.lists(triangles, max_size=3), st.lists(triangles, max_size=3), triangles)
def test_areas_are_what_counting_fine_pixels_comes_to(
    wanted: list[Polygon], found: list[Polygon], ignored: Polygon
) -> None:
    counted = ~samples_in([ignored])
    to_find, hit = samples_in(wanted) & counted, samples_in(found) & counted
    shared = (to_find & hit).sum()
    expected = np.array([shared, to_find.sum(), shared, hit.sum()]) / FINE**2
    truth = [*map(Region, wanted), Region(ignored, ignored=True)]
    counts = astuple(pixel(ComparedPicture("a", (SIDE, SIDE), truth, found)))
    # A row of samples along each of three edges of up to 71 pixels; the worst of 1,000 random trials was 2.
    np.testing.assert_allclose(counts, expected, atol=3 * 71 / FINE)
