from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from locpipe.pipeline.training.digits.canvases import background_files, draw, mosaic, procedural
from locpipe.pipeline.training.digits.mnist import Digits
from locpipe.stages.errors import ConfigError


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for index in range(11):
        cv2.imwrite(str(folder / f"{index:02}.png"), np.full((30, 40, 3), index * 20, np.uint8))
    return folder


@settings(deadline=None, max_examples=40)
@given(width=st.integers(1, 300), height=st.integers(1, 300), seed=st.integers(0, 1000))
def test_boxes_hold_their_ink_and_keep_apart(
    drawn: Digits, width: int, height: int, seed: int
) -> None:
    random = default_rng(seed)
    canvas = draw(random, procedural(random, width, height), drawn, count=8)
    assert canvas.rgb.shape == (height, width, 3)
    assert len(canvas.boxes) == len(canvas.labels) == len(canvas.light)
    for index, (left, top, right, bottom) in enumerate(canvas.boxes.tolist()):
        rows, columns = np.nonzero(canvas.owner == index)
        assert (columns.min(), rows.min()) == (left, top)
        assert (columns.max() + 1, rows.max() + 1) == (right, bottom)
        grown = canvas.owner[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8]
        assert set(np.unique(grown)) <= {-1, index}
    assert set(np.unique(canvas.owner)) <= set(range(-1, len(canvas.boxes)))


def test_the_seed_decides_the_canvas(drawn: Digits) -> None:
    first, again, other = (
        draw(default_rng(seed), np.zeros((200, 300, 3), np.uint8), drawn, count=5).rgb
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_ground_is_not_changed(drawn: Digits) -> None:
    ground = np.zeros((200, 300, 3), np.uint8)
    draw(default_rng(1), ground, drawn, count=5)
    assert not ground.any()


@pytest.mark.parametrize(("ground", "light"), [(0, True), (255, False)])
def test_ink_stands_out_the_only_way_it_can(drawn: Digits, ground: int, light: bool) -> None:  # noqa: FBT001 - a case
    canvas = draw(default_rng(3), np.full((400, 400, 3), ground, np.uint8), drawn, count=9)
    assert canvas.light.all() == canvas.light.any() == light
    for index in range(len(canvas.boxes)):
        ink = canvas.rgb[canvas.owner == index].astype(int)
        assert np.abs(ink - ground).max() >= 0.35 * 255 - 1


def test_full_contrast_on_black_is_white(drawn: Digits) -> None:
    canvas = draw(default_rng(3), np.zeros((300, 300, 3), np.uint8), drawn, count=3, contrast=1.0)
    assert canvas.rgb.max() == 255


def test_grey_ground_gets_both_kinds_of_ink(drawn: Digits) -> None:
    canvas = draw(default_rng(5), np.full((600, 600, 3), 128, np.uint8), drawn, count=20)
    assert 0 < canvas.light.sum() < len(canvas.light)


def test_made_up_grounds_are_of_several_kinds() -> None:
    random = default_rng(0)
    spread = [procedural(random, 64, 48).std() for _ in range(40)]
    assert min(spread) < max(spread)
    assert all(procedural(random, 7, 5).shape == (5, 7, 3) for _ in range(20))


def test_every_fifth_photograph_is_held_out(photographs: Path) -> None:
    held_out = background_files(photographs, held_out=True)
    assert [file.stem for file in held_out] == ["00", "05", "10"]
    used = background_files(photographs, held_out=False)
    assert sorted((*held_out, *used)) == sorted(photographs.iterdir())


def test_a_folder_without_photographs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \.jpg or \.png photographs to draw on"):
        background_files(tmp_path / "nowhere", held_out=False)


def test_a_mosaic_covers_any_size(photographs: Path) -> None:
    files = background_files(photographs, held_out=False)
    ground = mosaic(default_rng(1), files, 1000, 500)
    assert ground.shape == (500, 1000, 3)
    assert {int(value) for value in np.unique(ground)} <= {index * 20 for index in range(11)}
    assert len(np.unique(ground)) > 1
