"""PNG chunks without pixels cost no picture, whatever is wrong with them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data
from numpy.typing import NDArray
from png_files import chunk

from locpipe.stages.errors import ImageError
from locpipe.stages.load import load

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A real photograph, uint8 [75, 113, 3]."""
    return np.ascontiguousarray(skimage.data.chelsea()[::4, ::4])


def png(pixels: NDArray[np.generic], *, early: bytes = b"", late: bytes = b"") -> bytes:
    """An RGB or grey PNG of 8 or 16 bits, with chunks before and behind its pixels."""
    colour_type = 2 if pixels.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    return b"".join(
        [SIGNATURE, header, early, chunk(b"IDAT", zlib.compress(rows)), late, chunk(b"IEND", b"")]
    )


def exif(orientation: int) -> bytes:
    tags = PIL.Image.Exif()
    tags[274] = orientation
    return tags.tobytes()[6:]


LONG_TEXT = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
HARMLESS = {
    "a long text": LONG_TEXT,
    "a long international text": chunk(
        b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2_000_000))
    ),
    "many long texts": 70 * chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000))),
    "a text with a wrong checksum": chunk(b"tEXt", b"a\0b", error=1),
    "a time with a wrong checksum": chunk(b"tIME", bytes(7), error=1),
    "a size of pixels that is too short": chunk(b"pHYs", b"\0"),
    "an unknown chunk with a wrong checksum": chunk(b"prVt", b"x", error=1),
    "a colour key with a wrong checksum": chunk(b"tRNS", bytes(6), error=1),
    "a broken chunk of an animation": chunk(b"acTL", b""),
}


@pytest.mark.parametrize("what", HARMLESS)
@pytest.mark.parametrize("where", ["early", "late"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_chunks_that_carry_no_pixels_cost_no_picture(
    what: str,
    where: str,
    dtype: type[np.uint8 | np.uint16],
    photo: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    values = photo.astype(dtype) * (257 if dtype is np.uint16 else 1)
    (tmp_path / "a.png").write_bytes(png(values, **{where: HARMLESS[what]}))
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, photo)


def test_a_large_colour_profile_is_no_reason_to_refuse(
    photo: NDArray[np.uint8], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    profile = chunk(b"iCCP", b"large\0\0" + zlib.compress(bytes(2_000_000)))
    (tmp_path / "a.png").write_bytes(png(photo, early=profile))
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, photo)
    assert "its ICC profile is ignored" in caplog.text, "it is no profile"


@pytest.mark.parametrize("where", ["early", "late"])
def test_exif_counts_only_with_its_checksum(
    where: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    for error, orientation in ((0, 6), (1, 1)):
        tags = chunk(b"eXIf", exif(6), error=error)
        (tmp_path / "a.png").write_bytes(png(photo, **{where: tags}))
        assert load(tmp_path / "a.png").exif_orientation == orientation


def test_pixels_in_a_chunk_per_byte(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    whole = png(photo[:9, :9], late=HARMLESS["a text with a wrong checksum"])
    start = whole.index(b"IDAT") - 4
    (length,) = struct.unpack(">I", whole[start : start + 4])
    packed = whole[start + 8 : start + 8 + length]
    chunks = b"".join(chunk(b"IDAT", bytes([byte])) for byte in packed)
    (tmp_path / "a.png").write_bytes(whole[:start] + chunks + whole[start + 12 + length :])
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, photo[:9, :9])


def test_the_first_exif_counts(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    tags = [chunk(b"eXIf", exif(orientation)) for orientation in (8, 3)]
    (tmp_path / "a.png").write_bytes(png(photo, early=tags[0], late=tags[1]))
    assert load(tmp_path / "a.png").exif_orientation == 8


def test_exif_as_older_imagemagick_writes_it(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    block = b"Exif\0\0" + exif(6)
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    tags = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    (tmp_path / "a.png").write_bytes(png(photo, early=LONG_TEXT + tags))
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, np.rot90(photo, -1))


def test_a_wrong_checksum_of_the_header_is_an_error(
    photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    content = bytearray(png(photo))
    content[30] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match="not a picture of a known kind"):
        load(tmp_path / "a.png")


def test_a_missing_end_costs_no_picture(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(photo)[:-12])
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, photo)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_transparent_level_of_grey(dtype: type[np.uint8 | np.uint16], tmp_path: Path) -> None:
    values = np.array([[0, 1, 7, 200]]) * (257 if dtype is np.uint16 else 1)
    key = chunk(b"tRNS", struct.pack(">H", int(values[0, 2])))
    (tmp_path / "a.png").write_bytes(png(values.astype(dtype), early=key))
    found = load(tmp_path / "a.png", background=(9, 8, 5)).rgb
    assert found.tolist() == [[[0, 0, 0], [1, 1, 1], [9, 8, 5], [200, 200, 200]]]
