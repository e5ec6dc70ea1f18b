"""EXIF orientation: applied once in every format, recorded, and told by the header alone."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import skimage.data
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo
from png_files import chunk

from locpipe.stages.decoding.orientation import points_as_stored, points_upright
from locpipe.stages.load import load, probe

Pixels = NDArray[Any]
# EXIF 2.32, 4.6.4 A, tag 274: where row 0 and column 0 of the stored grid lie in the picture.
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
ORIENTATION = 274


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A real photograph without any symmetry, uint8 [48, 80, 3]."""
    return np.ascontiguousarray(skimage.data.chelsea()[40:280:5, 20:420:5])


def exif(orientation: int) -> PIL.Image.Exif:
    tags = PIL.Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def check(path: Path, orientation: int, stored: Pixels, tolerance: float = 0) -> None:
    expected = UPRIGHT[orientation](stored)
    image, header = load(path), probe(path)
    assert image.rgb.shape == expected.shape
    assert np.abs(image.rgb.astype(float) - expected).mean() <= tolerance
    assert image.rgb.flags.c_contiguous
    for record in (image, header):
        assert record.exif_orientation == orientation
        assert (record.stored_height, record.stored_width) == stored.shape[:2]
        assert (record.height, record.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("extension", ["png", "webp", "jpg", "tif"])
def test_all_eight(
    extension: str, orientation: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{extension}"
    every: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "jpg": {"quality": 95}}
    options = every.get(extension, {})
    PIL.Image.fromarray(photo).save(path, exif=exif(orientation), **options)
    check(path, orientation, photo, tolerance=5 if extension == "jpg" else 0)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["grey", "rgb"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_all_eight_in_16_bit_tiff(
    compression: str | None, kind: str, orientation: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Grey goes through Pillow and colours through OpenCV: both turn TIFF by themselves."""
    stored = np.repeat(photo[:, :, :1], 3, axis=2) if kind == "grey" else photo
    values = stored.astype(np.uint16) * 257
    tifffile.imwrite(
        tmp_path / "a.tif",
        values[:, :, 0] if kind == "grey" else values,
        photometric="minisblack" if kind == "grey" else "rgb",
        compression=compression,
        extratags=[(ORIENTATION, "H", 1, orientation, True)],
    )
    check(tmp_path / "a.tif", orientation, stored)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_all_eight_in_16_bit_png(
    orientation: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png16(photo, exif(orientation).tobytes()[6:], early=True))
    check(path, orientation, photo)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_png_that_has_its_exif_behind_the_pixels(
    orientation: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    """ExifTool writes it there; Pillow alone would decode the picture to find it."""
    path = tmp_path / "a.png"
    path.write_bytes(png16(photo, exif(orientation).tobytes()[6:], early=False))
    check(path, orientation, photo)


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("orientation", [None, 3])
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "avif"])
def test_xmp_turns_nothing(
    extension: str, orientation: int | None, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    """As in browsers, libvips, ImageMagick, OpenCV and ffmpeg."""
    options: dict[str, Any] = {} if orientation is None else {"exif": exif(orientation)}
    if extension == "png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    elif extension == "tif":
        tags = {} if orientation is None else {ORIENTATION: orientation}
        options = {"tiffinfo": {700: XMP} | tags}
    else:
        options |= {"xmp": XMP, "quality": 95}
    PIL.Image.fromarray(photo).save(tmp_path / f"a.{extension}", **options)
    check(tmp_path / f"a.{extension}", orientation or 1, photo, tolerance=6)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_avif_is_turned_once(orientation: int, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    options: dict[str, Any] = {"quality": 95, "speed": 10, "exif": exif(orientation)}
    PIL.Image.fromarray(photo).save(tmp_path / "a.avif", **options)
    check(tmp_path / "a.avif", orientation, photo, tolerance=5)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_heic_is_turned_once(orientation: int, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    size, block = (photo.shape[1], photo.shape[0]), exif(orientation).tobytes()
    pillow_heif.encode("RGB", size, photo.tobytes(), tmp_path / "a.heic", quality=95, exif=block)
    check(tmp_path / "a.heic", orientation, photo, tolerance=5)


@pytest.mark.parametrize("value", [0, 9, 65535])
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif"])
def test_nonsense_means_upright(
    extension: str, value: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{extension}"
    PIL.Image.fromarray(photo).save(path, exif=exif(value))
    assert load(path).exif_orientation == probe(path).exif_orientation == 1
    assert load(path).rgb.shape == photo.shape


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
@pytest.mark.parametrize(
    "block",
    [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"],
)
def test_broken_exif_loses_no_picture(
    block: bytes, extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{extension}"
    PIL.Image.fromarray(photo).save(path, exif=block)
    assert load(path).exif_orientation == 1
    assert load(path).rgb.shape == photo.shape


def test_each_page_of_a_tiff_has_its_own(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for orientation in (1, 6):
            tags = [(ORIENTATION, "H", 1, orientation, True)]
            writer.write(photo, photometric="rgb", extratags=tags)
    assert probe(path, page=2).exif_orientation == 6
    np.testing.assert_array_equal(load(path, page=1).rgb, photo)
    np.testing.assert_array_equal(load(path, page=2).rgb, np.rot90(photo, -1))


def png16(pixels: NDArray[np.uint8], exif_block: bytes, *, early: bool) -> bytes:
    """A 16-bit PNG with its eXIf chunk before or behind the pixels."""

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in pixels)
    packed = zlib.compress(rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", packed[:1000]) + chunk(b"IDAT", packed[1000:])
    tags = chunk(b"eXIf", exif_block)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + (tags + body if early else body + tags) + end


@pytest.mark.parametrize("orientation", UPRIGHT)
@given(data=st.data(), width=st.integers(1, 9), height=st.integers(1, 9))
def test_points_move_as_the_pixels_do_and_back(
    orientation: int, data: st.DataObject, width: int, height: int
) -> None:
    """The outline of one marked pixel still surrounds that pixel."""
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    stored = np.zeros((height, width), np.uint8)
    stored[y, x] = 1
    ((row, column),) = np.argwhere(UPRIGHT[orientation](stored))
    outline = np.array([[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], np.float64)
    moved = points_upright(outline, orientation, (width, height))
    assert moved.min(axis=0).tolist() == [column, row]
    assert moved.max(axis=0).tolist() == [column + 1, row + 1]
    back = points_as_stored(moved, orientation, (width, height))
    np.testing.assert_array_equal(back, outline)
    whole = points_as_stored(moved.astype(np.int64), orientation, (width, height))
    assert whole.dtype == np.int64
    assert whole.tolist() == outline.tolist()
