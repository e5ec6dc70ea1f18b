"""Rectangles and ribbons around points whose shape is known."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.stages.geometry.rectangles import (
    inside_picture,
    moved_out,
    ribbon,
    sides,
    smallest_rectangle,
    upright,
)

Floats = NDArray[np.float64]


def bar(x: float, y: float, length: float, height: float, degrees: float) -> Floats:
    """Corners of a rectangle from its top-left one in reading direction."""
    turn = np.deg2rad(degrees)
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    ends = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return np.asarray(np.array([x, y]) + ends * [length, height] @ np.stack([along, down]))


def arc(inner: float, outer: float, degrees: float, turned: float = 0) -> Floats:
    """Points around a part of a ring, as evenly spread as those of an outline."""
    half = np.deg2rad(degrees) / 2
    angle = np.deg2rad(turned) - np.pi / 2 + np.linspace(-half, half, round(4 * outer * half))
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    cap = np.linspace(inner, outer, 12)[1:-1, None]
    parts = [outer * ring, cap[::-1] * ring[-1], inner * ring[::-1], cap * ring[0]]
    return 500 + np.concatenate(parts)


def signed_area(polygon: Floats) -> float:
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def iou(one: Floats, other: Floats) -> float:
    first, second = shapely.Polygon(one), shapely.Polygon(other)
    return float(first.intersection(second).area / first.union(second).area)


@given(
    st.floats(3, 10),
    st.floats(5, 50),
    st.one_of(st.floats(-85, -20), st.floats(20, 85), st.just(0)),
)
def test_the_smallest_rectangle_starts_at_the_top_left_in_reading_direction(
    aspect: float, height: float, degrees: float
) -> None:
    word = bar(100, 100, aspect * height, height, degrees)
    for first in range(4):
        found = smallest_rectangle(np.roll(word, first, axis=0))
        np.testing.assert_allclose(found, word, atol=0.01 * height * aspect)


def test_vertical_text_is_read_downwards() -> None:
    found = smallest_rectangle(bar(0, 0, 60, 10, 90))
    np.testing.assert_allclose(found, [(5, -30), (5, 30), (-5, 30), (-5, -30)], atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 20, 45, 70])
def test_what_is_round_is_upright(degrees: float) -> None:
    circle = arc(0, 20, 360, degrees)
    np.testing.assert_allclose(
        smallest_rectangle(circle),
        [(480, 480), (520, 480), (520, 520), (480, 520)],
        atol=0.2,
    )


def test_a_tilted_square_stays_tilted() -> None:
    tilted = bar(50, 50, 20, 20, 30)
    assert iou(smallest_rectangle(tilted), tilted) > 0.999


def test_upright_rectangles_bound() -> None:
    found = upright(np.array([[3.0, 7], [1, 9], [2, 4]]))
    assert found.tolist() == [[1, 4], [3, 4], [3, 9], [1, 9]]


@given(st.floats(1, 50), st.floats(1, 50), st.floats(-180, 180), st.floats(0, 20))
def test_moving_out_lengthens_every_side_by_twice_the_distance(
    length: float, height: float, degrees: float, distance: float
) -> None:
    grown = moved_out(bar(0, 0, length, height, degrees), distance)
    expected = bar(0, 0, length + 2 * distance, height + 2 * distance, degrees)
    np.testing.assert_allclose(grown, expected, atol=1e-9)
    assert sides(grown) == pytest.approx((length + 2 * distance, height + 2 * distance))


@pytest.mark.parametrize("turned", [0, 35, -35, 180])
@pytest.mark.parametrize(("inner", "outer", "degrees"), [(180, 220, 60), (90, 110, 110)])
def test_a_ribbon_gives_the_bent_word_back(
    inner: float, outer: float, degrees: float, turned: float
) -> None:
    """Of a core shrunk by a quarter of the word's height on all sides."""
    height = outer - inner
    less = np.rad2deg(height / 2 / (inner + outer) * 2)
    core = arc(inner + height / 4, outer - height / 4, degrees - less, turned)
    found = ribbon(core, smallest_rectangle(core), 0.5, 0)
    assert found is not None
    assert found.shape == (14, 2)
    assert iou(found, arc(inner, outer, degrees, turned)) > 0.9
    assert signed_area(found) > 0, "clockwise on the screen"
    assert found[0, 0] < found[6, 0], "read from left to right"


def test_a_ribbon_starts_at_the_top_left() -> None:
    """Of an arch: the left end of its outer edge; of a bowl: the left end of its inner edge."""
    for turned, outer_first in ((0, True), (180, False)):
        points = arc(90, 110, 100, turned)
        found = ribbon(points, smallest_rectangle(points), 0, 0)
        assert found is not None
        distance = np.linalg.norm(found - 500, axis=1)
        assert (distance[0] > distance[-1]) == outer_first


def test_the_margin_of_a_ribbon_is_in_pixels() -> None:
    points = arc(90, 110, 100)
    around = smallest_rectangle(points)
    by_height, by_pixels = ribbon(points, around, 0.25, 0), ribbon(points, around, 0, 5)
    assert by_height is not None
    assert by_pixels is not None
    np.testing.assert_allclose(by_height, by_pixels, atol=1)


@given(st.floats(1, 8), st.floats(8, 50), st.floats(0, 90), st.integers(0, 99))
def test_straight_words_have_no_ribbon(
    aspect: float, height: float, degrees: float, seed: int
) -> None:
    corners = bar(300, 300, aspect * height, height, degrees)
    share = np.linspace(0, 1, 60, endpoint=False)[:, None]
    edge = [a + share * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
    noise = np.random.default_rng(seed).normal(0, 0.02 * height, (240, 2))
    points = np.concatenate(edge) + noise
    assert ribbon(points, smallest_rectangle(points), 0.5, 0) is None


@pytest.mark.parametrize(("degrees", "is_bent"), [(14, False), (17, True)])
def test_a_ribbon_has_to_save_a_tenth_of_the_rectangle(degrees: float, *, is_bent: bool) -> None:
    """A word of 20 pixels on a circle of 400 rises by 3 over 14 degrees, by 4.4 over 17."""
    points = arc(390, 410, degrees)
    assert (ribbon(points, smallest_rectangle(points), 0, 0) is not None) == is_bent


def test_half_a_disc_is_no_bent_word() -> None:
    """Its middle is bent, but no ribbon along it is smaller than the rectangle."""
    half = arc(0, 100, 180)
    assert ribbon(half, smallest_rectangle(half), 0, 0) is None


@pytest.mark.parametrize("points", [[[1.0, 1]] * 3, [[0.0, 0], [9, 0], [4, 0]]])
def test_flat_points_have_no_ribbon(points: list[list[float]]) -> None:
    flat = np.array(points)
    assert ribbon(flat, smallest_rectangle(flat), 0.5, 1) is None


@given(
    st.floats(-20, 120), st.floats(-20, 90), st.floats(5, 200), st.floats(5, 50), st.floats(-90, 90)
)
def test_polygons_are_cut_at_the_picture(
    x: float, y: float, length: float, height: float, degrees: float
) -> None:
    word = bar(x, y, length, height, degrees)
    picture = shapely.box(0, 0, 100, 70)
    if shapely.Polygon(word).intersection(picture).area < 1:
        return
    found = inside_picture(word, (100, 70))
    assert shapely.Polygon(found).is_valid
    assert signed_area(found) > 0
    assert iou(found, shapely.get_coordinates(picture)[:-1]) <= 1
    assert shapely.Polygon(found).area == pytest.approx(
        shapely.Polygon(word).intersection(picture).area, rel=1e-6
    )
    distance = np.linalg.norm(found - word[0], axis=1)
    assert distance[0] == distance.min(), "still from the top-left corner"


def test_what_lies_inside_stays_as_it_is() -> None:
    word = bar(50, 40, 40, 10, 20)
    assert inside_picture(word, (100, 70)) is word
