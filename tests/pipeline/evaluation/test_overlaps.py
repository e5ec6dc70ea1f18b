import numpy as np
import pytest
import shapely

from locpipe.pipeline.evaluation.overlaps import (
    ComparedPicture,
    Polygon,
    Region,
    geometries,
    overlaps,
)

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=np.float64)
BOW_TIE = SQUARE[[0, 2, 1, 3]]
FLAT = SQUARE[[0, 1, 0, 1]]


@pytest.mark.parametrize(
    ("polygon", "area"),
    [
        pytest.param(SQUARE, 100, id="square"),
        pytest.param(SQUARE[::-1], 100, id="counter-clockwise"),
        pytest.param(BOW_TIE, 50, id="bow tie"),
        pytest.param(FLAT, 0, id="flat"),
        pytest.param(np.zeros((4, 2)), 0, id="point"),
    ],
)
def test_geometries_are_valid_whatever_the_corners(polygon: Polygon, area: float) -> None:
    (geometry,) = geometries([polygon])
    assert geometry.is_valid
    assert shapely.get_dimensions(geometry) == 2
    assert geometry.area == area


def test_overlaps_by_hand() -> None:
    """The detection [5, 25) by [0, 10) shares 50 with the square: of 100, of 200, of 250."""
    detection = SQUARE * [2, 1] + [5, 0]
    overlap = overlaps(ComparedPicture("a", (30, 10), [Region(SQUARE)], [detection, FLAT]))
    np.testing.assert_allclose(overlap.recall, [[0.5, 0]])
    np.testing.assert_allclose(overlap.precision, [[0.25, 0]])
    np.testing.assert_allclose(overlap.iou, [[0.2, 0]])


@pytest.mark.parametrize(("truth", "detections"), [(0, 0), (0, 2), (2, 0), (2, 2)])
def test_overlaps_have_a_row_for_each_truth_and_a_column_for_each_detection(
    truth: int, detections: int
) -> None:
    overlap = overlaps(
        ComparedPicture("a", (10, 10), [Region(SQUARE)] * truth, [SQUARE] * detections)
    )
    for matrix in (overlap.recall, overlap.precision, overlap.iou):
        assert matrix.shape == (truth, detections)
    assert overlap.on_ignored(0).shape == (detections,)
