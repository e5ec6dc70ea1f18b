import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from locpipe.stages.grid import Grid
from locpipe.stages.words import grow, outline, shorter_side

GRID = Grid((60, 80), (4.0, 4.0), (2.0, 2.0), (320, 240))


def rectangle(x: float, y: float, width: float, height: float, angle: float = 0) -> np.ndarray:
    return np.asarray(cv2.boxPoints(((x, y), (width, height), angle)), np.float64)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    first, second = shapely.Polygon(one), shapely.Polygon(other)
    return float(first.intersection(second).area / first.union(second).area)


@given(st.floats(2, 50), st.floats(1, 8), st.floats(0, 90))
def test_the_shorter_side_of_a_rectangle_is_its_height(
    height: float, aspect: float, angle: float
) -> None:
    box = rectangle(0, 0, aspect * height, height, angle)
    assert shorter_side(box) == pytest.approx(height, rel=2e-3)


def ribbon(inner: float, outer: float) -> np.ndarray:
    """Half a ring around (160, 160)."""
    angle = np.linspace(np.pi, 2 * np.pi, 60)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([160 + outer * ring, 160 + inner * ring[::-1]])


def test_the_shorter_side_of_a_ribbon_is_its_width() -> None:
    assert shorter_side(ribbon(90, 110)) == pytest.approx(20, rel=0.01)


@given(
    height=st.floats(6, 60),
    aspect=st.floats(1, 6),
    angle=st.floats(0, 90),
    shrunk=st.floats(0.1, 0.3),
    rotated=st.booleans(),
)
def test_growing_gives_the_shrunk_word_back(
    height: float, aspect: float, angle: float, shrunk: float, *, rotated: bool
) -> None:
    less = 2 * shrunk * height
    word = rectangle(500, 500, aspect * height, height, angle)
    core = rectangle(500, 500, aspect * height - less, height - less, angle)
    assert iou(grow(core, shrunk / (1 - 2 * shrunk), rotated=rotated), word) > 0.95


def test_a_bent_word_stays_bent() -> None:
    grown = grow(ribbon(95, 105), 0.5, rotated=False)
    assert iou(grown, ribbon(90, 110)) > 0.9
    assert len(grow(ribbon(95, 105), 0.5, rotated=True)) == 4


@given(st.floats(40, 280), st.floats(40, 200), st.floats(8, 50), st.floats(8, 50))
def test_an_outline_lies_between_the_cells(x: float, y: float, width: float, height: float) -> None:
    """Heat that falls off linearly from an edge crosses one half on it."""
    across, down = np.meshgrid(2 + 4 * np.arange(80), 2 + 4 * np.arange(60))
    depth = np.minimum(width / 2 - abs(across - x), height / 2 - abs(down - y))
    heat = np.clip(0.5 + depth / 16, 0, 1).astype(np.float32)
    box = outline(heat, heat > 0.5, GRID, 0.5) if (heat > 0.5).any() else None
    if box is not None and width > 12 and height > 12:
        low, high = (
            np.array([x - width / 2, y - height / 2]),
            np.array([x + width / 2, y + height / 2]),
        )
        np.testing.assert_allclose(box.min(axis=0), np.clip(low, 0, None), atol=2)
        np.testing.assert_allclose(box.max(axis=0), np.minimum(high, (320, 240)), atol=2)


def test_an_outline_reaches_the_border_of_the_picture() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[:5, :10] = 1
    box = outline(heat, heat > 0.5, GRID, 0.5)
    assert box.min() == 0
    assert box.max(axis=0).tolist() == [40, 20]


def test_other_components_do_not_matter() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[10:14, 10:20] = 0.9
    alone = outline(heat, heat > 0.5, GRID, 0.5)
    inside = heat > 0.5
    heat[16:20, 10:20] = 0.9
    np.testing.assert_allclose(outline(heat, inside, GRID, 0.5), alone)
