import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.pose import (
    Arc,
    Pose,
    Wave,
    pose_at,
    rectangle,
    tilt,
)

SIZE = (300, 260)
angles = st.floats(-0.6, 0.6)
curves = st.one_of(
    st.none(),
    st.builds(Arc, st.just(60.0), st.just(15.0), st.sampled_from([-150.0, 50.0, 90.0])),
    st.builds(Wave, st.floats(0, 6), st.floats(80, 200), angles),
)


@given(curves.filter(lambda curve: curve is not None), st.integers(0, 1000))
def test_curve_undoes_itself(curve: Arc | Wave, seed: int) -> None:
    flat = np.random.default_rng(seed).uniform((0, 0), (120, 30), (20, 2))
    assert np.allclose(curve.inverse(curve.forward(flat)), flat)


def test_arc_bends_up_or_like_a_smile() -> None:
    ends = np.array([[0.0, 15.0], [120.0, 15.0]])
    assert (Arc(60, 15, 100).forward(ends)[:, 1] > 20).all()
    assert (Arc(60, 15, -100).forward(ends)[:, 1] < 10).all()
    assert np.allclose(Arc(60, 15, 100).forward(np.array([[60.0, 3.0]])), [[60, 3]])


@given(angles, angles, angles, curves)
def test_cover_lies_where_the_outline_says(
    yaw: float, pitch: float, roll: float, curve: Arc | Wave | None
) -> None:
    pose = pose_at(tilt(yaw, pitch, roll, 400), 120, 30, 1.1, curve).moved(150, 130)
    patch = pose.cover(np.full((30, 120), 255, np.uint8), 0, 0, 3, SIZE)
    assert patch is not None
    seen = np.zeros(SIZE[::-1], np.uint8)
    seen[patch.window] = patch.cover
    expected = np.zeros_like(seen)
    outline = pose.forward(rectangle(0, 0, 120, 30, 40))
    cv2.fillPoly(expected, [np.round((outline - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    wrong = (seen > 127) != (expected > 127)
    assert not cv2.erode(wrong.astype(np.uint8), np.ones((3, 3), np.uint8)).any()


def test_upright_cover_is_the_mask_itself() -> None:
    mask = np.random.default_rng(0).integers(0, 256, (8, 9), np.uint8)
    patch = Pose(np.eye(3)).moved(20, 30).cover(mask, 0, 0, 0, SIZE)
    assert patch is not None
    assert (patch.x, patch.y) == (20, 30)
    assert np.array_equal(patch.cover, mask)


def test_cover_is_cut_at_the_picture_and_none_outside() -> None:
    mask = np.full((10, 10), 255, np.uint8)
    patch = Pose(np.eye(3)).moved(-4, -3).cover(mask, 0, 0, 5, SIZE)
    assert patch is not None
    assert (patch.x, patch.y) == (0, 0)
    assert np.count_nonzero(patch.cover) == 6 * 7
    assert Pose(np.eye(3)).moved(-40, 0).cover(mask, 0, 0, 5, SIZE) is None


def test_thin_strokes_survive_shrinking() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[:, ::10] = 255
    patch = Pose(np.eye(3)).scaled(0.2).cover(mask, 0, 0, 0, SIZE)
    assert patch is not None
    assert abs(patch.cover[5:-5, 5:-5].mean() - 25.5) < 5


@given(angles, angles, angles)
def test_tilt_keeps_the_scale_at_its_centre(yaw: float, pitch: float, roll: float) -> None:
    pose = Pose(tilt(0, 0, roll, 500))
    assert pose.scale(10, 10) == pytest.approx(1)
    assert np.allclose(Pose(tilt(yaw, pitch, roll, 500)).forward(np.zeros((1, 2))), 0)


def test_bounds_hold_the_bent_block() -> None:
    assert Pose(np.eye(3)).moved(50, 60).bounds(120, 30).tolist() == [[0, 0], [120, 30]]
    low, high = Pose(np.eye(3), Arc(60, 15, 80)).bounds(120, 30)
    bent = Arc(60, 15, 80).forward(rectangle(0, 0, 120, 30, 16))
    assert (bent >= low).all()
    assert (bent <= high).all()
    assert high[1] > 40


def test_rectangle_runs_clockwise_from_the_top_left() -> None:
    assert rectangle(1, 2, 5, 4).tolist() == [[1, 2], [5, 2], [5, 4], [1, 4]]
    assert len(rectangle(1, 2, 5, 4, 8)) == 32
