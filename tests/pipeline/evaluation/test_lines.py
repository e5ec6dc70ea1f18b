import math

import cv2
import numpy as np
from evaluation_fixtures import rect
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.lines import join_lines
from locpipe.pipeline.evaluation.overlaps import Polygon
from locpipe.stages.geometry.box import Box


def box(polygon: Polygon, line: int) -> Box:
    return Box("text", 1.0, tuple((x, y) for x, y in polygon.tolist()), (0, 0, 1, 1), line)


def corners(polygon: Polygon) -> list[list[float]]:
    return sorted(np.round(polygon, 3).tolist())


def test_words_of_a_line_become_one_rectangle() -> None:
    words = [
        box(rect(0, 0, 40, 10), line=0),
        box(rect(0, 30, 40, 40), line=1),
        box(rect(50, 0, 90, 10), line=0),
    ]
    lines = join_lines(words)
    assert [corners(line) for line in lines] == [
        corners(rect(0, 0, 90, 10)),
        corners(rect(0, 30, 40, 40)),
    ]


def test_a_slanted_line_gets_a_slanted_rectangle() -> None:
    turn = np.array([[math.cos(0.5), math.sin(0.5)], [-math.sin(0.5), math.cos(0.5)]])
    words = [box(rect(x, 0, x + 30, 10) @ turn, line=3) for x in (0, 40, 80)]
    (line,) = join_lines(words)
    np.testing.assert_allclose(corners(line), corners(rect(0, 0, 110, 10) @ turn), atol=0.01)


points = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=4, max_size=4, unique=True
).map(lambda corners: np.array(corners, dtype=np.float64))


@given(st.lists(points, min_size=1, max_size=4))
def test_the_rectangle_holds_every_corner(polygons: list[Polygon]) -> None:
    (line,) = join_lines(box(polygon, line=0) for polygon in polygons)
    for corner in np.concatenate(polygons):
        assert cv2.pointPolygonTest(line.astype(np.float32), corner.tolist(), True) > -0.1  # noqa: FBT003 - OpenCV takes it by position
