from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from locpipe.pipeline.evaluation.wsol.masks import read_mask
from locpipe.stages.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mask.png"


def test_light_is_object(file: Path) -> None:
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(file)
    assert read_mask(file, (4, 1)).tolist() == [[False, False, True, True]]


def test_colour_and_palette_masks_are_read(file: Path) -> None:
    grey = Image.fromarray(np.array([[0, 255]], np.uint8))
    for mode in ("1", "RGB", "P"):
        grey.convert(mode).save(file)
        assert read_mask(file, (2, 1)).tolist() == [[False, True]]


def test_a_small_mask_is_scaled_up(file: Path) -> None:
    Image.fromarray(np.array([[255, 0], [0, 0]], np.uint8)).save(file)
    mask = read_mask(file, (6, 6))
    assert mask[:3, :3].all()
    assert mask.sum() == 9


def test_a_mask_of_the_stored_picture_is_turned(file: Path) -> None:
    """Orientation 6: the first stored row is the right column of the upright picture."""
    Image.fromarray(np.array([[255, 255], [0, 0], [0, 0]], np.uint8)).save(file)
    assert read_mask(file, (3, 2), 6).tolist() == [[False, False, True]] * 2


@given(st.integers(20, 400), st.integers(20, 400), st.floats(0.2, 2))
def test_rounding_of_a_scaled_mask_is_no_other_aspect(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, scale: float
) -> None:
    file = tmp_path_factory.getbasetemp() / "scaled.png"
    small = max(1, round(width * scale)), max(1, round(height * scale))
    Image.new("L", small, 255).save(file, compress_level=0)
    mask = read_mask(file, (width, height))
    assert mask.shape == (height, width)
    assert mask.all()


def test_another_aspect_is_named(file: Path) -> None:
    Image.new("L", (30, 40)).save(file)
    with pytest.raises(ConfigError, match=r"mask.png: the mask is 30 x 40, its picture 400 x 300"):
        read_mask(file, (400, 300))


def test_a_damaged_mask_is_named(file: Path) -> None:
    Image.effect_noise((64, 64), 50).save(file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"mask.png: cannot read the mask"):
        read_mask(file, (64, 64))
