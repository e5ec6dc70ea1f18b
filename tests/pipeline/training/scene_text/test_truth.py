import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.camera import Shot
from locpipe.pipeline.training.scene_text.pose import Arc, Pose, pose_at, tilt
from locpipe.pipeline.training.scene_text.truth import UNREADABLE, RenderedWord, judge, word_at
from locpipe.pipeline.training.scene_text.typeset import FlatWord

FLAT = FlatWord(10, 5, 90, 25, "word", 2)
UPRIGHT = Pose(np.eye(3))


def scene(
    x: float = 20, *, contrast: int = 100, blur: float = 0, noise: float = 0
) -> tuple[Shot, np.ndarray, list[RenderedWord]]:
    """A picture with one word of ten bars, 20 pixels high."""
    rgb = np.full((60, 140, 3), 100, np.uint8)
    ink = np.zeros((60, 140), np.uint8)
    for bar in range(10):
        left = max(int(x) + 10 + 8 * bar, 0)
        ink[15:35, left : max(left + 4, 0)] = 255
    rgb[ink > 0] = 100 + contrast
    return Shot(rgb, blur, noise), ink, [word_at(FLAT, 0, 0, UPRIGHT.moved(x, 10), 7)]


def test_upright_word_is_its_rectangle() -> None:
    word = word_at(FLAT, 3, 4, UPRIGHT, 7)
    assert word.quad.tolist() == [[13, 9], [93, 9], [93, 29], [13, 29]]
    assert np.array_equal(word.quad, word.polygon)
    assert (word.text, word.line) == ("word", 7)
    assert word.quad.dtype == word.polygon.dtype == np.float32


@given(st.floats(-3.1, 3.1), st.floats(-0.5, 0.5), st.sampled_from([None, 70.0, -70.0]))
def test_quad_is_clockwise_from_the_reading_corner(
    roll: float, yaw: float, radius: float | None
) -> None:
    curve = Arc(50, 15, radius) if radius else None
    pose = pose_at(tilt(yaw, 0, roll, 400), 100, 30, 1, curve).moved(200, 200)
    word = word_at(FLAT, 0, 0, pose, 0)
    for outline in (word.quad, word.polygon):
        assert cv2.contourArea(outline.astype(np.float32), oriented=True) > 0
    reading = np.array([np.cos(roll), np.sin(roll)])
    top = word.quad[1] - word.quad[0]
    assert top @ reading > 0.7 * np.linalg.norm(top)


@given(st.floats(-3.1, 3.1), st.sampled_from([60.0, -60.0, 150.0]))
def test_quad_of_a_curved_word_holds_its_polygon(roll: float, radius: float) -> None:
    pose = pose_at(tilt(0, 0, roll, 400), 100, 30, 1, Arc(50, 15, radius)).moved(200, 200)
    word = word_at(FLAT, 0, 0, pose, 0)
    assert len(word.polygon) == 18
    quad = word.quad.reshape(-1, 1, 2)
    for x, y in word.polygon.tolist():
        assert cv2.pointPolygonTest(quad, (x, y), measureDist=True) > -0.01


def test_plain_word_is_readable() -> None:
    assert [word.text for word in judge(*scene())] == ["word"]


@pytest.mark.parametrize(
    ("reason", "made"),
    [
        ("too faint", scene(contrast=9)),
        ("drowned in noise", scene(contrast=30, noise=28)),
        ("too blurred", scene(blur=8)),
        ("more than half outside", scene(x=-60)),
    ],
)
def test_unreadable_words_are_marked(
    reason: str, made: tuple[Shot, np.ndarray, list[RenderedWord]]
) -> None:
    assert [word.text for word in judge(*made)] == [UNREADABLE], reason


def test_low_contrast_is_enough_on_even_ground_only() -> None:
    shot, ink, words = scene(contrast=30)
    assert judge(shot, ink, words)[0].text == "word"
    rng = np.random.default_rng(0)
    busy = np.clip(shot.rgb + rng.choice([-80, 80], (60, 140, 1)), 0, 255).astype(np.uint8)
    assert judge(Shot(busy, 0, 0), ink, words)[0].text == UNREADABLE


def test_tiny_word_is_marked() -> None:
    shot, ink, _ = scene()
    tiny = word_at(FLAT, 0, 0, UPRIGHT.scaled(0.2).moved(30, 20), 0)
    assert judge(shot, ink, [tiny])[0].text == UNREADABLE


def test_word_outside_is_dropped() -> None:
    shot, ink, words = scene()
    outside = word_at(FLAT, 0, 0, UPRIGHT.moved(500, 0), 1)
    assert len(judge(shot, ink, [outside, *words])) == 1
    assert judge(shot, ink, []) == ()


def test_solid_word_is_readable() -> None:
    shot, ink, words = scene()
    ink[15:35, 30:110] = 255
    shot.rgb[:] = 60
    shot.rgb[ink > 0] = 0
    assert judge(shot, ink, words)[0].text == "word"
