"""Crops show what the page shows inside a box, the right way up, and lead back to the page."""

import math

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.pipeline.export.crops import Crop, cut, quad_of
from locpipe.stages.geometry.rectangles import ribbon, smallest_rectangle

Points = list[tuple[float, float]]


@pytest.fixture(scope="module")
def page(photographs: dict[str, np.ndarray]) -> NDArray[np.uint8]:
    return np.asarray(photographs["coffee"], np.uint8)


def turned(points: Points, degrees: float, centre: tuple[float, float]) -> Points:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x0, y0 = centre
    return [(x0 + c * (x - x0) - s * (y - y0), y0 + s * (x - x0) + c * (y - y0)) for x, y in points]


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def on_page(crop: Crop, x: float, y: float) -> NDArray[np.float64]:
    point = crop.to_page @ (x, y, 1)
    return np.asarray(point[:2] / point[2])


def corners_on_page(crop: Crop) -> NDArray[np.float64]:
    height, width = crop.pixels.shape[:2]
    return np.array([on_page(crop, *corner) for corner in rectangle(0, 0, width, height)])


def test_an_upright_box_is_the_very_pixels_of_the_page(page: NDArray[np.uint8]) -> None:
    crop = cut(page, rectangle(30, 40, 110, 72))
    np.testing.assert_array_equal(crop.pixels, page[40:72, 30:110])
    np.testing.assert_array_equal(crop.to_page, [[1, 0, 30], [0, 1, 40], [0, 0, 1]])
    assert not crop.curved


def test_padding_is_in_units_of_the_height(page: NDArray[np.uint8]) -> None:
    crop = cut(page, rectangle(30, 40, 110, 72), padding=0.25)
    np.testing.assert_array_equal(crop.pixels, page[32:80, 22:118])
    np.testing.assert_allclose(on_page(crop, 8, 8), (30, 40))


def test_beyond_the_page_its_border_is_repeated(page: NDArray[np.uint8]) -> None:
    crop = cut(page, rectangle(0, 0, 20, 10), padding=0.5)
    assert crop.pixels.shape == (20, 30, 3)
    np.testing.assert_array_equal(crop.pixels[0, 0], page[0, 0])
    np.testing.assert_array_equal(crop.pixels[5:, 5:], page[:15, :25])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_text_that_runs_another_way_is_turned_to_the_right(
    page: NDArray[np.uint8], degrees: float, turns: int
) -> None:
    crop = cut(page, turned(rectangle(100, 100, 160, 120), degrees, (130, 110)))
    found = np.rot90(crop.pixels, -turns)
    left, top = corners_on_page(crop).min(axis=0).round().astype(int)
    height, width = found.shape[:2]
    np.testing.assert_array_equal(found, page[top : top + height, left : left + width])


@given(degrees=st.floats(-180, 180), width=st.floats(2, 90), height=st.floats(2, 60))
def test_a_turned_box_leads_back_to_its_corners(
    degrees: float, width: float, height: float
) -> None:
    polygon = turned(rectangle(150, 150, 150 + width, 150 + height), degrees, (150, 150))
    crop = cut(np.zeros((300, 300, 3), np.uint8), polygon)
    np.testing.assert_allclose(corners_on_page(crop), polygon, atol=1e-6)
    assert crop.pixels.shape[:2] == pytest.approx((height, width), abs=0.5)
    assert np.linalg.det(crop.to_page[:2, :2]) > 0, "mirrored"


def test_perspective_is_corrected() -> None:
    sign = cv2.putText(np.full((60, 200), 255, np.uint8), "EXIT", (15, 48), 0, 2, 0, 5)
    polygon = [(50.0, 40.0), (250.0, 70.0), (240.0, 150.0), (60.0, 100.0)]
    to_quad = cv2.getPerspectiveTransform(
        np.array(rectangle(0, 0, 200, 60), np.float32), np.array(polygon, np.float32)
    )
    page = cv2.warpPerspective(sign, to_quad, (300, 200), borderValue=(255.0,))
    crop = cut(np.repeat(page[..., None], 3, axis=2).astype(np.uint8), polygon)
    found = cv2.resize(crop.pixels[..., 0], (200, 60)).astype(float)
    assert np.corrcoef(found.ravel(), sign.ravel().astype(float))[0, 1] > 0.97
    np.testing.assert_allclose(corners_on_page(crop), polygon, atol=1e-3)


def arc(radius: float, start: float, end: float, count: int) -> Points:
    angles = np.radians(np.linspace(start, end, count))
    return [(200 + radius * math.cos(a), 220 + radius * math.sin(a)) for a in angles]


def test_a_curved_word_is_straightened() -> None:
    """A ring sector of rays, seen straight, is stripes."""
    y, x = np.mgrid[:300, :400] + 0.5
    angle = np.degrees(np.arctan2(y - 220, x - 200))
    page = np.repeat((128 + 100 * np.sin(np.radians(angle * 12)))[..., None], 3, axis=2)
    polygon = arc(150, -150, -30, 13) + arc(110, -30, -150, 13)
    crop = cut(page.astype(np.uint8), polygon)
    assert crop.curved
    assert crop.pixels.shape[:2] == pytest.approx((40, 130 * math.radians(120)), abs=3)
    inner = crop.pixels[2:-2, 2:-2, 0].astype(float)
    assert inner.std(axis=0).max() < 8
    assert inner.mean(axis=0).std() > 60
    np.testing.assert_allclose(on_page(crop, crop.pixels.shape[1] / 2, 20), (200, 90), atol=40)


def test_ribbons_of_the_boxes_stage_are_taken_for_curved_words(page: NDArray[np.uint8]) -> None:
    outline = np.array(arc(150, -150, -30, 60) + arc(110, -30, -150, 60))
    polygon = ribbon(outline, smallest_rectangle(outline), 0.1, 0.0)
    assert polygon is not None
    crop = cut(page, [(x, y) for x, y in polygon])
    assert crop.curved
    assert crop.pixels.shape[:2] == pytest.approx((48, 130 * math.radians(120)), abs=25)


@pytest.mark.parametrize("left", [0, 20_000, 39_600])
def test_a_curved_word_on_a_page_of_more_columns_than_16_bits_count(
    left: int, page: NDArray[np.uint8]
) -> None:
    """OpenCV refuses such a page, which ended the export of all others."""
    part = np.ascontiguousarray(page[:200, :400])
    wide = np.zeros((200, 40_000, 3), np.uint8)
    wide[:, left : left + 400] = part
    word = arc(150, -150, -30, 7) + arc(110, -30, -150, 7)
    expected = cut(part, word)
    crop = cut(wide, [(x + left, y) for x, y in word])
    assert crop.curved
    assert np.abs(crop.pixels.astype(int) - expected.pixels).mean() < 0.1


def test_padding_also_surrounds_a_curved_word(page: NDArray[np.uint8]) -> None:
    polygon = arc(150, -150, -30, 7) + arc(110, -30, -150, 7)
    plain, padded = cut(page, polygon), cut(page, polygon, padding=0.25)
    height, width = plain.pixels.shape[:2]
    assert padded.pixels.shape[:2] == pytest.approx((1.5 * height, width + 0.5 * height), abs=1)
    pad = (padded.pixels.shape[0] - height) // 2
    inside = padded.pixels[pad : pad + height, pad : pad + width].astype(int)
    assert np.abs(inside - plain.pixels).mean() < 6


def test_a_bend_is_followed_corner_by_corner() -> None:
    """A roof of two slopes of 50 pixels, 20 high, on a page whose colours are its rows."""
    top = [(20.0, 60.0), (60.0, 30.0), (100.0, 60.0)]
    bottom = [(100.0, 80.0), (60.0, 50.0), (20.0, 80.0)]
    rows = np.broadcast_to(np.arange(120, dtype=np.uint8)[:, None, None], (120, 120, 3))
    crop = cut(np.ascontiguousarray(rows), [*top, *bottom])
    assert crop.curved
    assert crop.pixels.shape == (20, 100, 3)
    along = np.abs(np.arange(100) + 0.5 - 50)
    down = np.arange(20)[:, None] + 0.5
    np.testing.assert_allclose(crop.pixels[..., 0], 30 + 0.6 * along + down - 0.5, atol=1)


def test_beyond_the_page_its_border_is_repeated_around_a_curved_word_too() -> None:
    polygon = arc(150, -150, -30, 7) + arc(110, -30, -150, 7)
    crop = cut(np.full((300, 400, 3), 7, np.uint8), polygon, padding=3)
    assert crop.curved
    assert (crop.pixels == 7).all()


def test_a_rectangle_cut_off_by_the_border_keeps_its_direction() -> None:
    whole = np.array(turned(rectangle(0, 50, 120, 80), 10, (50, 65)))
    inside = shapely.Polygon(whole) & shapely.box(0, 0, 300, 300)
    assert isinstance(inside, shapely.Polygon)
    corners = np.array(inside.exterior.coords)[:-1].tolist()
    assert len(corners) == 5
    quad = quad_of([(x, y) for x, y in corners])
    direction = quad[1] - quad[0]
    assert math.degrees(math.atan2(direction[1], direction[0])) == pytest.approx(10, abs=0.1)
    np.testing.assert_allclose(quad[1:3], whole[1:3], atol=0.1)


def test_a_quadrangle_that_is_a_triangle_is_cut_out_by_the_rectangle_around_it() -> None:
    quad = quad_of([(20.0, 20.0), (10.0, 20.0), (0.0, 20.0), (0.0, 0.0)])
    assert sorted(quad.tolist()) == [[0, 0], [0, 20], [20, 0], [20, 20]]


POINT = st.tuples(st.floats(0, 60), st.floats(0, 40))


@example(polygon=[(0.0, 0.0), (2.0, 0.0), (4.0, 2.0), (0.0, 3.0)], padding=1.0)
@example(polygon=[(0.0, 0.0), (1.0, 0.0), (3.0, 2.0), (3.0, 3.0)], padding=1.0)
@given(polygon=st.lists(POINT, min_size=4, max_size=10), padding=st.floats(0, 1))
def test_no_polygon_is_too_odd(polygon: Points, padding: float) -> None:
    crop = cut(np.full((40, 60, 3), 7, np.uint8), polygon, padding=padding)
    assert crop.pixels.dtype == np.uint8
    assert min(crop.pixels.shape[:2]) >= 1
    assert max(crop.pixels.shape[:2]) < 2000
    assert (crop.pixels == 7).all()
    assert np.isfinite(crop.to_page).all()
    assert np.linalg.det(crop.to_page) > 0
