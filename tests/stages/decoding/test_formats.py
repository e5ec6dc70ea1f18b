"""What the load stage says of files that it cannot, or must not, decode."""

import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from png_files import chunk

from locpipe.stages.errors import ImageError
from locpipe.stages.load import load, probe

DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[4] / "shared" / "data"))
FORMATS = ["jpg", "png", "webp", "bmp", "gif", "tif", "avif", "jp2"]


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A real photograph, uint8 [75, 113, 3]."""
    return np.ascontiguousarray(skimage.data.chelsea()[::4, ::4])


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    PIL.Image.fromarray(pixels).save(path)
    return path


def damaged(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.jpg' does not exist: check the path"):
        load(tmp_path / "none.jpg")


def test_path_through_a_file(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo)
    with pytest.raises(ImageError, match=r"cannot be opened \(.*\): check the path"):
        load(path / "b.png")


def test_folder_called_like_a_picture(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ImageError, match=r"x\.png' is a folder, not a picture: name a picture"):
        load(tmp_path / "x.png")


def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(ImageError, match=r"x\.png' is not a regular file: copy its content"):
        load(tmp_path / "x.png")


def test_zero_bytes(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"x\.png' is empty \(0 bytes\): copy it again"):
        load(damaged(tmp_path / "x.png", b""))


@pytest.mark.parametrize("content", [b"hello, this is text\n", b"%PDF-1.7\n", bytes(100), b"\xff"])
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    path = damaged(tmp_path / "x.jpg", content)
    for read in (load, probe):
        with pytest.raises(ImageError, match=r"x\.jpg' is not a picture of a known .* save it as"):
            read(path)


def test_unreadable_file(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo)
    path.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:  # whom no permission stops
            os.seteuid(65534)
        with pytest.raises(ImageError, match=r"a\.png' may not be read: give this user"):
            load(path)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("extension", FORMATS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0.001, 0.999))
def test_a_cut_file_is_an_error_or_all_there(
    share: float, extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Formats may end in bytes that carry no pixels; grey where pixels were is never returned."""
    whole = save(tmp_path / f"whole.{extension}", photo)
    content = whole.read_bytes()
    cut = damaged(tmp_path / f"cut.{extension}", content[: max(1, int(len(content) * share))])
    try:
        found = load(cut).rgb
    except ImageError as error:
        assert repr(str(cut)) in str(error)  # noqa: PT017 - the other outcome is right as well
    else:
        np.testing.assert_array_equal(found, load(whole).rgb)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_raises_nothing_but_image_errors(
    data: st.DataObject, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    extension = data.draw(st.sampled_from(FORMATS))
    content = bytearray(save(tmp_path / f"a.{extension}", photo).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content), 400) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path = damaged(tmp_path / f"b.{extension}", bytes(content))
    try:
        assert load(path, max_megapixels=1).rgb.ndim == 3
    except ImageError as error:
        assert repr(str(path)) in str(error)  # noqa: PT017 - the other outcome is right as well


def test_the_cut_photograph_of_the_kangaroos() -> None:
    path = DATA / "objects/kangaroo/images/00090.jpg"
    if not path.exists():
        pytest.skip(f"{path} is missing: set LOCPIPE_DATA")
    assert probe(path).format == "JPEG"
    with pytest.raises(ImageError, match=r"00090\.jpg' cannot be decoded \(.*truncated.*copy it"):
        load(path)


def png_claiming(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def test_a_huge_picture_is_refused_from_its_header(tmp_path: Path) -> None:
    """Decoding would take 10.8 GB, and fail for want of pixels; Pillow's own limit stays silent."""
    path = damaged(tmp_path / "x.png", png_claiming(60_000, 60_000))
    assert probe(path).megapixels == 3600
    with pytest.raises(
        ImageError,
        match=r"x\.png' has 60000 x 60000 pixels = 3600 megapixels, more than"
        r" input\.max_megapixels = 2500: raise input\.max_megapixels or make",
    ):
        load(path)


@pytest.mark.parametrize("extension", FORMATS)
def test_pillows_own_limit_and_its_warning_stay_out(
    extension: str, photo: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / f"a.{extension}", photo)
    for limit in (1000, photo.shape[0] * photo.shape[1] - 1):  # Pillow would raise, and warn
        monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", limit)
        assert load(path).rgb.shape == photo.shape
        assert limit == PIL.Image.MAX_IMAGE_PIXELS


def test_the_limit_is_inclusive(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo)
    load(path, max_megapixels=0.008475)
    with pytest.raises(ImageError, match=r"= 0\.008475 megapixels, more than .* = 0\.008474:"):
        load(path, max_megapixels=0.008474)


def test_heic_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = damaged(tmp_path / "x.heic", b"\0\0\0\x18ftypheic" + bytes(12))
    with pytest.raises(ImageError, match=r"x\.heic' is HEIC.*: pip install 'locpipe\[heic\]'"):
        probe(path)


def test_broken_heic(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    with pytest.raises(ImageError, match=r"x\.heic' cannot be decoded"):
        load(damaged(tmp_path / "x.heic", b"\0\0\0\x18ftypheic" + bytes(12)))
