"""Formats, pages and names of the load stage."""

import io
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from numpy.typing import NDArray
from skimage import data

from locpipe.pipeline.sources.pictures import EXTENSIONS
from locpipe.stages.errors import ImageError, ModelError
from locpipe.stages.load import Header, Image, load, probe

LOSSLESS = {"png": {}, "bmp": {}, "tif": {}, "webp": {"lossless": True}, "jp2": {}, "j2k": {}}
LOSSY = {
    "jpg": {"quality": 95},
    "jpeg": {"quality": 95},
    "jfif": {"quality": 95},
    "gif": {},
    "avif": {"quality": 95, "speed": 10},
}


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A real photograph, uint8 [75, 113, 3]."""
    return np.ascontiguousarray(data.chelsea()[::4, ::4])


def save(path: Path, pixels: NDArray[np.uint8], **options: Any) -> Path:
    PIL.Image.fromarray(pixels).save(path, **options)
    return path


def mean_error(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    return float(np.abs(found.astype(float) - expected).mean())


@pytest.mark.parametrize("extension", LOSSLESS)
def test_lossless_formats_come_back_to_the_bit(
    extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = save(tmp_path / f"a.{extension}", photo, **LOSSLESS[extension])
    image = load(path)
    np.testing.assert_array_equal(image.rgb, photo)
    assert (image.path, image.page, image.pages, image.exif_orientation) == (path, 1, 1, 1)
    assert (image.width, image.height) == (image.stored_width, image.stored_height) == (113, 75)


@pytest.mark.parametrize("extension", LOSSY)
def test_lossy_formats_come_back_nearly(
    extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    image = load(save(tmp_path / f"a.{extension}", photo, **LOSSY[extension]))
    assert image.rgb.shape == photo.shape
    assert mean_error(image.rgb, photo) < 6


def test_heic_comes_back_nearly(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    pillow_heif.from_pillow(PIL.Image.fromarray(photo)).save(path, quality=95)
    assert probe(path).format == "HEIF"
    assert mean_error(load(path).rgb, photo) < 6


def test_avif_in_a_container_for_any_still_picture(
    photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Its first brand is that of many HEIC files; the list behind it tells."""
    path = save(tmp_path / "a.avif", photo, quality=95, speed=10)
    content = path.read_bytes()
    assert content[8:12] == b"avif"
    path.write_bytes(content[:8] + b"mif1" + content[12:])
    assert probe(path).format == "AVIF"
    assert mean_error(load(path).rgb, photo) < 6


def test_deep_grey_jpeg_2000(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    PIL.Image.fromarray(photo[:, :, 0].astype(np.uint16) * 257).save(path)
    np.testing.assert_array_equal(load(path).rgb[:, :, 2], photo[:, :, 0])


def test_pixels_are_writable_uint8_rgb(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    """Since torch warns of arrays that it must not write to."""
    rgb = load(save(tmp_path / "a.png", photo)).rgb
    assert rgb.dtype == np.uint8
    assert rgb.flags.writeable
    assert rgb.flags.c_contiguous


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("extension", ["png", "bmp", "gif", "tif"])
def test_grey_and_palette(
    mode: str, extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    picture = PIL.Image.fromarray(photo).convert(mode)
    picture.save(tmp_path / f"a.{extension}")
    rgb = load(tmp_path / f"a.{extension}").rgb
    np.testing.assert_array_equal(rgb, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "packbits"])
def test_scanners_bilevel_tiff(compression: str, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    picture = PIL.Image.fromarray(photo).convert("1")
    picture.save(tmp_path / "a.tif", compression=compression)
    rgb = load(tmp_path / "a.tif").rgb
    np.testing.assert_array_equal(rgb, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_first_frame_of_an_animation(
    extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    first, second = (PIL.Image.fromarray(p).quantize(64) for p in (photo, photo[::-1].copy()))
    options: dict[str, Any] = {"lossless": True} if extension == "webp" else {}
    path = tmp_path / f"a.{extension}"
    first.save(path, save_all=True, append_images=[second], **options)
    image = load(path)
    assert image.pages == probe(path).pages == 1
    np.testing.assert_array_equal(image.rgb, np.asarray(first.convert("RGB")))
    with pytest.raises(ImageError, match="no page 2: ask for one of 1 to 1"):
        load(path, page=2)


def test_first_frame_of_a_phones_mpo(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    second = PIL.Image.fromarray(photo[::-1].copy())
    PIL.Image.fromarray(photo).save(
        path, format="MPO", save_all=True, append_images=[second], quality=95
    )
    assert probe(path).format == "MPO"
    image = load(path)
    assert image.pages == 1
    assert mean_error(image.rgb, photo) < 6


def test_content_decides_not_the_name(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save(path, photo).rename(tmp_path / "b.jpg")
    np.testing.assert_array_equal(load(tmp_path / "b.jpg").rgb, photo)


@pytest.mark.parametrize(
    "name", [b"two words.png", b"new\nline.png", b"caf\xe9.png", "音.png".encode(), b"-x'\".PNG"]
)
def test_names_of_any_bytes(name: bytes, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    try:
        save(tmp_path / "a.png", photo).rename(path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    image = load(path)
    assert os.fsencode(image.path.name) == name
    np.testing.assert_array_equal(image.rgb, photo)
    with pytest.raises(ImageError) as caught:
        load(path, page=2)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("side", [(1, 1), (1, 40), (40, 1)])
def test_one_pixel_is_a_picture(side: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.full((*side, 3), 77, np.uint8)
    np.testing.assert_array_equal(load(save(tmp_path / "a.png", pixels)).rgb, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_every_page_of_a_tiff(
    dtype: type[np.uint8 | np.uint16], compression: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    levels = [10, 120, 250]
    with tifffile.TiffWriter(path) as writer:
        for page, level in enumerate(levels):
            values = np.full((20 + page, 30, 3), level * (257 if dtype is np.uint16 else 1), dtype)
            writer.write(values, photometric="rgb", compression=compression)
    for page, level in enumerate(levels, start=1):
        image, header = load(path, page=page), probe(path, page=page)
        assert (image.page, image.pages, header.pages) == (page, 3, 3)
        assert (header.width, header.height) == (30, 19 + page)
        np.testing.assert_array_equal(image.rgb, np.full((19 + page, 30, 3), level))


@pytest.mark.parametrize(
    ("kind", "place"), [(1, 0), (1, 1), (1, 2), (3, 0), (4, 1), (4, 2), (5, 2)]
)
def test_reduced_copies_and_masks_in_a_tiff_are_no_pages(
    kind: int, place: int, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for directory in range(3):
            if directory == place and kind & 4:
                writer.write(photo[:, :, 0] > 99, photometric="minisblack", subfiletype=kind)
            elif directory == place:
                writer.write(photo[::3, ::3] // 2, photometric="rgb", subfiletype=kind)
            else:
                writer.write(photo, photometric="rgb")
    for page in (1, 2):
        image = load(path, page=page)
        assert image.pages == probe(path, page=page).pages == 2
        np.testing.assert_array_equal(image.rgb, photo)
    with pytest.raises(ImageError, match="no page 3: ask for one of 1 to 2"):
        load(path, page=3)


def test_deep_pages_are_counted_without_reduced_copies(
    photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(photo[::3, ::3].astype(np.uint16), photometric="rgb", subfiletype=1)
        writer.write(photo.astype(np.uint16) * 257, photometric="rgb")
    np.testing.assert_array_equal(load(tmp_path / "a.tif").rgb, photo)


def test_a_tiff_of_nothing_but_a_reduced_copy_has_a_page(
    photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", photo, photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(load(tmp_path / "a.tif").rgb, photo)


@pytest.mark.parametrize("page", [0, -1, 2])
def test_pages_that_are_not_there(page: int, photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", photo)
    for read in (load, probe):
        with pytest.raises(ImageError, match=rf"a\.tif' has no page {page}: .* 1 to 1"):
            read(path, page=page)


@pytest.mark.parametrize("extension", [*LOSSLESS, *LOSSY])
def test_probe_says_what_load_finds(
    extension: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = save(tmp_path / f"a.{extension}", photo)
    header, image = probe(path), load(path)
    assert (header.width, header.height) == (image.width, image.height)
    assert (header.stored_width, header.stored_height) == (113, 75)
    assert (header.pages, header.exif_orientation) == (image.pages, image.exif_orientation)
    assert header.megapixels == pytest.approx(113 * 75 / 1e6)
    assert header.format == PIL.Image.registered_extensions()[path.suffix]


def test_a_check_sees_the_header_before_pixels_are_decoded(tmp_path: Path) -> None:
    whole = io.BytesIO()
    PIL.Image.new("RGB", (64, 48)).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:60])  # its header, and no pixels

    def refuse(header: Header) -> None:
        message = f"{header.width} x {header.height}"
        raise ModelError(message)

    with pytest.raises(ModelError, match=r"^64 x 48$"):
        load(tmp_path / "cut.png", check=refuse)


def test_extensions_are_what_pillow_calls_these_formats() -> None:
    known = PIL.Image.registered_extensions()
    formats = {"JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000"}
    ours = {e for e, f in known.items() if f in formats}
    assert ours - {".apng"} | {".heic", ".heif", ".jxl"} == EXTENSIONS


def test_records_are_frozen(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo)
    for record in (load(path), probe(path)):
        assert isinstance(record, (Image, Header))
        with pytest.raises(FrozenInstanceError):
            record.pages = 2  # type: ignore[misc]  # the point of the test


def test_threads_do_not_disturb_each_other(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    """Pillow's limit and Python's warning filters belong to the whole process."""
    path = save(tmp_path / "a.tif", photo)
    limit, filters = PIL.Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for image in pool.map(load, [path] * 64):
            np.testing.assert_array_equal(image.rgb, photo)
    assert limit == PIL.Image.MAX_IMAGE_PIXELS
    assert filters == list(warnings.filters)


def test_import_is_light() -> None:
    """The parent process imports this module at start-up."""
    program = (
        "import sys, locpipe.stages.load;"
        "print({'cv2', 'pillow_heif', 'skimage', 'tifffile', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
