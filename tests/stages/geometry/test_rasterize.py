"""Boxes as pixels."""

import tracemalloc

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.stages.geometry.box import Box
from locpipe.stages.geometry.rasterize import covered, filled

WIDTH, HEIGHT = 40, 30
_points = st.tuples(st.floats(0, WIDTH, width=32), st.floats(0, HEIGHT, width=32))


def box_around(corners: list[tuple[float, float]], label: str = "text", score: float = 0.5) -> Box:
    low, high = np.floor(np.min(corners, axis=0)), np.ceil(np.max(corners, axis=0))
    left, top, right, bottom = (int(value) for value in (*low, *high))
    return Box(label, score, tuple(corners), (left, top, right, bottom))


def mask_of(
    boxes: list[Box], labels: tuple[str, ...], picture: tuple[int, int]
) -> NDArray[np.bool_]:
    by_score = sorted(boxes, key=lambda box: box.score)
    shapes = [(labels.index(box.label), box.polygon, box.rect) for box in by_score]
    return filled(shapes, len(labels), picture)


def upright(left: int, top: int, right: int, bottom: int, label: str, score: float) -> Box:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return box_around([(float(x), float(y)) for x, y in corners], label, score)


@given(st.lists(_points, min_size=4, max_size=8))
def test_a_pixel_is_covered_where_its_centre_lies_inside(points: list[tuple[float, float]]) -> None:
    hull = shapely.MultiPoint(points).convex_hull
    if hull.area < 1:
        return
    box = box_around(shapely.get_coordinates(hull)[:-1].tolist())
    left, top, right, bottom = box.rect
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    inside = np.asarray(shapely.contains_xy(hull, x, y), np.bool_)
    if not inside.any():
        assert covered(box.polygon, box.rect).all()
        return
    off_edge = np.asarray(shapely.distance(shapely.points(x, y), hull.boundary) > 1e-6)
    np.testing.assert_array_equal(covered(box.polygon, box.rect)[off_edge], inside[off_edge])


def test_a_box_along_the_pixels_is_filled_without_a_border() -> None:
    mask = mask_of([upright(3, 4, 10, 9, "text", 0.9)], ("text",), (WIDTH, HEIGHT))
    expected = np.zeros((1, HEIGHT, WIDTH), np.bool_)
    expected[0, 4:9, 3:10] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_box_between_the_centres_of_pixels_is_not_lost() -> None:
    thin = box_around([(2.6, 3.0), (2.9, 3.0), (2.9, 8.0), (2.6, 8.0)])
    assert mask_of([thin], ("text",), (WIDTH, HEIGHT)).sum() == 5


def test_where_labels_meet_the_best_score_has_the_pixels() -> None:
    one, other = upright(0, 0, 10, 10, "1", 0.6), upright(5, 0, 15, 10, "7", 0.8)
    for boxes in ([one, other], [other, one]):
        values = mask_of(boxes, ("1", "7"), (WIDTH, HEIGHT))
        assert values.sum(axis=0).max() == 1
        assert [values[0].sum(), values[1].sum()] == [50, 100]


def test_without_boxes_it_is_dark() -> None:
    assert not mask_of([], ("1", "7"), (WIDTH, HEIGHT)).any()


def test_a_box_of_the_whole_picture_takes_a_few_bytes_a_pixel() -> None:
    """As `memory_needed` counts on; with indices of the pixels it would be 18."""
    tracemalloc.start()
    mask = mask_of([upright(0, 0, 1000, 700, "text", 0.9)], ("text",), (1000, 700))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mask.all()
    assert peak < 6 * mask.size
