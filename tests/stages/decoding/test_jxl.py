"""JPEG XL: decoded upright, and told by its header alone."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import skimage.data
from numpy.typing import NDArray

from locpipe.stages.errors import ImageError
from locpipe.stages.load import load, probe

pytest.importorskip("pillow_jxl")

SIZES = [(8, 8), (256, 256), (200, 160), (64, 48), (9, 9), (113, 75), (512, 3), (3, 513), (1, 8200)]
UPRIGHT: dict[int, Any] = {
    1: lambda a: a,
    3: lambda a: np.rot90(a, 2),
    6: lambda a: np.rot90(a, -1),
    8: np.rot90,
}


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A real photograph, uint8 [75, 113, 3]."""
    return np.ascontiguousarray(skimage.data.chelsea()[::4, ::4])


def jxl(picture: PIL.Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JXL", effort=1, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("use_container", [False, True])
def test_the_header_tells_the_size(
    size: tuple[int, int],
    use_container: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    picture = PIL.Image.new("L", size)
    (tmp_path / "a.jxl").write_bytes(jxl(picture, use_container=use_container))
    header = probe(tmp_path / "a.jxl")
    assert (header.width, header.height, header.format) == (*size, "JXL")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_lossless_comes_back_to_the_bit(
    mode: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    picture = PIL.Image.fromarray(photo).convert(mode)
    (tmp_path / "a.jxl").write_bytes(jxl(picture, lossless=True))
    image = load(tmp_path / "a.jxl")
    np.testing.assert_array_equal(image.rgb, np.asarray(picture.convert("RGB")))
    assert (image.pages, image.exif_orientation) == (1, 1)


def test_deep_grey(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    """The encoder calls 16 bits linear light, in a profile."""
    grey = photo[:, :, 0]
    picture = PIL.Image.fromarray(grey.astype(np.uint16) * 257)
    (tmp_path / "a.jxl").write_bytes(jxl(picture, lossless=True))
    linear = grey / 255
    expected = 255 * np.where(
        linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    assert np.abs(load(tmp_path / "a.jxl").rgb[:, :, 1] - expected).mean() < 1


@pytest.mark.filterwarnings("ignore:Using JPEG reconstruction")
@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("as_jpeg", [False, True])
def test_it_is_turned_once(
    orientation: int,
    as_jpeg: bool,  # noqa: FBT001 - a case
    photo: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    """A file made of a JPEG holds what gives that JPEG back, and without it pixels all the same."""
    tags = PIL.Image.Exif()
    tags[274] = orientation
    PIL.Image.fromarray(photo).save(tmp_path / "a.jpg", quality=95, exif=tags)
    with PIL.Image.open(tmp_path / "a.jpg") as picture:
        content = jxl(picture)
    if not as_jpeg:
        content = content.replace(b"jbrd", b"free")
    (tmp_path / "a.jxl").write_bytes(content)
    image, header = load(tmp_path / "a.jxl"), probe(tmp_path / "a.jxl")
    expected = UPRIGHT[orientation](photo)
    assert image.rgb.shape == expected.shape
    assert np.abs(image.rgb.astype(float) - expected).mean() < 6
    for record in (image, header):
        assert record.exif_orientation == orientation
        assert (record.stored_width, record.stored_height) == (113, 75)
        assert (record.height, record.width) == expected.shape[:2]


def test_a_huge_picture_is_refused_from_its_header(tmp_path: Path) -> None:
    content = jxl(PIL.Image.new("L", (64, 600)))
    bits = int.from_bytes(content[2:10], "little")
    assert bits & 7 == 0b000 | (1 << 1), "not small, 13 bits"
    huge = 0b110 | (60_000 - 1) << 3 | 1 << 33  # 30 bits, square
    (tmp_path / "a.jxl").write_bytes(content[:2] + huge.to_bytes(8, "little") + content[10:])
    with pytest.raises(ImageError, match="60000 x 60000 pixels"):
        load(tmp_path / "a.jxl")


def test_a_cut_file_is_an_error(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    content = jxl(PIL.Image.fromarray(photo))
    for share in (0.01, 0.5, 0.99):
        (tmp_path / "a.jxl").write_bytes(content[: max(2, int(len(content) * share))])
        with pytest.raises(ImageError, match=r"a\.jxl' cannot be decoded"):
            load(tmp_path / "a.jxl")


def test_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl.JpegXLImagePlugin", None)
    (tmp_path / "x.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    with pytest.raises(ImageError, match=r"x\.jxl' is JPEG XL.*: pip install 'locpipe\[jxl\]'"):
        probe(tmp_path / "x.jxl")
