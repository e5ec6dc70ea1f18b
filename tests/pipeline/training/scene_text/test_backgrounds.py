from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.training.scene_text.backgrounds import Backgrounds, find_photographs
from locpipe.stages.errors import ConfigError, ImageError


def test_first_of_every_five_is_kept_out(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02d}.jpg").touch()
    (tmp_path / "notes.txt").touch()
    names = [path.stem for path in find_photographs("backgrounds", (tmp_path,), 5)]
    assert names == ["01", "02", "03", "04", "06", "07", "08", "09", "11"]
    assert len(find_photographs("backgrounds", (tmp_path,), 0)) == 12


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is no folder; name one that exists, or none"):
        find_photographs("backgrounds", (tmp_path / "nowhere",), 5)


def test_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no pictures in"):
        find_photographs("backgrounds", (tmp_path,), 5)


def test_background_that_does_not_open(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    backgrounds = Backgrounds((broken,), 64, 64)
    with pytest.raises(ImageError, match=r"broken\.jpg: this background does not open; mend it"):
        backgrounds.photograph(np.random.default_rng(0))


@pytest.mark.parametrize("size", [(64, 400), (300, 64), (500, 500)])
@pytest.mark.parametrize("seed", range(12))
def test_any_photograph_fills_any_size(
    photographs: Path, tmp_path: Path, size: tuple[int, int], seed: int
) -> None:
    tiny = tmp_path / "tiny.png"
    Image.new("RGB", (3, 2), (200, 100, 50)).save(tiny)
    files = (tiny, *find_photographs("backgrounds", (photographs,), 0))
    picture = Backgrounds(files, *size).photograph(np.random.default_rng(seed))
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous


def test_colours_keep_their_order(tmp_path: Path) -> None:
    Image.new("RGB", (600, 600), (200, 100, 50)).save(tmp_path / "a.png")
    picture = Backgrounds((tmp_path / "a.png",), 64, 64).photograph(np.random.default_rng(0))
    assert np.abs(picture - np.array([200.0, 100, 50])).max() < 3


def test_surfaces_stand_in_for_photographs() -> None:
    backgrounds = Backgrounds((), 90, 70)
    pictures = [backgrounds.photograph(np.random.default_rng(seed)) for seed in range(20)]
    assert all(picture.shape == (70, 90, 3) for picture in pictures)
    assert np.std([picture.mean() for picture in pictures]) > 20
    assert max(picture.std() for picture in pictures) > 15
