"""Pictures too large to decode at once: the same pixels and results, by rows, in files."""

import io
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms
from png_files import chunk
from runs import boxes, run, with_

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.png import grey_png
from locpipe.stages import load as loading
from locpipe.stages import scratch
from locpipe.stages.decoding import huge
from locpipe.stages.errors import ImageError
from locpipe.stages.load import load
from locpipe.stages.scratch import forget, lies_in_file, scratch_in, zeros

SIZE = 613, 401  # no multiple of a band


@pytest.fixture
def small_is_huge(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (huge, loading):
        monkeypatch.setattr(module, "LARGEST_AT_ONCE", 0.01)
    monkeypatch.setattr(scratch, "IN_MEMORY", 1000)
    monkeypatch.setattr(huge, "_BLOCK", 3 * SIZE[1] * 70)  # 70 columns


@pytest.fixture(scope="module")
def photo() -> PIL.Image.Image:
    file = Path(__file__).resolve().parents[3] / "data" / "samples" / "newspaper.png"
    return PIL.Image.open(file).convert("RGB").resize(SIZE)


def grey_of_16_bits(photo: PIL.Image.Image) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 256 + 77)


def with_alpha(photo: PIL.Image.Image) -> PIL.Image.Image:
    picture = photo.copy()
    picture.putalpha(photo.convert("L"))
    return picture


def made(name: str, photo: PIL.Image.Image, folder: Path) -> Path:
    path = folder / name
    match name:
        case "rgb.png" | "strips.tif" | "rgb.jpg" | "rgb.webp":
            photo.save(path)
        case "alpha.png" | "alpha.tif":
            with_alpha(photo).save(path)
        case "grey.png":
            photo.convert("L").save(path)
        case "grey alpha.png":
            with_alpha(photo).convert("LA").save(path)
        case "bits.tif":
            photo.convert("1").save(path)
        case "palette.png":
            photo.quantize(16).save(path)
        case "grey16.png" | "grey16.tif":
            grey_of_16_bits(photo).save(path)
        case "rgb16.png":
            cv2.imwrite(str(path), np.asarray(photo).astype(np.uint16)[..., ::-1] * 257)
        case "progressive.jpg":
            photo.save(path, progressive=True)
        case "cmyk.jpg":
            photo.convert("CMYK").save(path)
        case "profile.jpg":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            photo.save(path, icc_profile=profile.tobytes())
    return path


NAMES = [
    "rgb.png", "strips.tif", "rgb.jpg", "rgb.webp", "alpha.png", "alpha.tif", "grey.png", "grey alpha.png",
    "bits.tif", "palette.png", "grey16.png", "grey16.tif", "rgb16.png", "progressive.jpg", "cmyk.jpg",
    "profile.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_those_of_a_small_picture(
    name: str, photo: PIL.Image.Image, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = made(name, photo, tmp_path)
    small = load(path, background=(10, 200, 30))
    request.getfixturevalue("small_is_huge")
    large = load(path, background=(10, 200, 30))
    assert lies_in_file(large.rgb)
    assert not lies_in_file(small.rgb)
    difference = np.abs(large.rgb.astype(int) - small.rgb)
    assert difference.max() <= (3 if path.suffix in {".jpg", ".webp"} else 0)
    assert difference.mean() < 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["rgb.jpg", "strips.tif"])
def test_exif_turns_it(
    name: str,
    orientation: int,
    photo: PIL.Image.Image,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    exif = PIL.Image.Exif()
    exif[274] = orientation
    photo.save(tmp_path / name, exif=exif)
    small = load(tmp_path / name)
    request.getfixturevalue("small_is_huge")
    large = load(tmp_path / name)
    assert (large.exif_orientation, large.stored_width) == (orientation, SIZE[0])
    assert large.rgb.shape == small.rgb.shape
    # A row lies in one place of the file: else every row would bring all of the file into memory.
    assert abs(large.rgb.strides[0]) == 3 * large.width
    assert np.abs(large.rgb.astype(int) - small.rgb).max() <= 3


@pytest.mark.usefixtures("small_is_huge")
def test_the_pages_of_a_tiff(photo: PIL.Image.Image, tmp_path: Path) -> None:
    second = photo.rotate(180)
    photo.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    np.testing.assert_array_equal(load(tmp_path / "a.tif", page=2).rgb, np.asarray(second))


@pytest.mark.usefixtures("small_is_huge")
@pytest.mark.parametrize("name", ["rgb.png", "rgb.jpg", "strips.tif"])
def test_a_file_cut_short_is_an_error(name: str, photo: PIL.Image.Image, tmp_path: Path) -> None:
    path = made(name, photo, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ImageError, match=name):
        load(path)


def lying_png(path: Path, side: int) -> None:
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b""))


def test_a_header_that_promises_more_than_the_file_holds(tmp_path: Path) -> None:
    lying_png(tmp_path / "a.png", 40_000)
    with pytest.raises(ImageError, match=r"a\.png' cannot hold 40000 x 40000 pixels in \d+ bytes"):
        load(tmp_path / "a.png")


def test_without_the_extra_it_is_named(
    photo: PIL.Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LARGEST_AT_ONCE", 0.01)
    monkeypatch.setitem(sys.modules, "pyvips", None)
    photo.save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png' has .* megapixels, .* 'locpipe\[huge\]'"):
        load(tmp_path / "a.png")


def test_arrays_in_files_go_when_they_are_no_longer_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "IN_MEMORY", 1000)
    with scratch_in(tmp_path):
        array = zeros((50, 50), np.uint8)
    assert lies_in_file(array[::-1].T)
    array[3, 4] = 7
    forget(array[:2])
    assert (array[3, 4], int(array.sum())) == (7, 7)
    assert list(tmp_path.iterdir()) == []  # it has no name
    assert not lies_in_file(zeros((10, 10), np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (300, 7), (257, 400)])
def test_masks_are_written_as_png(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, size, np.uint8) * np.uint8(255)
    found = PIL.Image.open(io.BytesIO(grey_png(pixels)))
    assert found.mode == "L"
    np.testing.assert_array_equal(np.asarray(found), pixels)


def test_a_run_gives_the_same_results(
    photo: PIL.Image.Image, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "in").mkdir()
    exif = PIL.Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "in" / "turned.png", exif=exif)
    with_alpha(photo).save(tmp_path / "in" / "alpha.png")
    config = read_settings(find_config("text"), Config).config
    config = with_(config, "input", path=tmp_path / "in")
    config = with_(config, "run", workers=0)
    config = with_(config, "output", overlays=True, heatmaps=True)
    outputs = [with_(config, "output", path=tmp_path / name) for name in ("small", "large")]
    run(outputs[0])
    request.getfixturevalue("small_is_huge")
    run(outputs[1])
    for name in ("turned.png", "alpha.png"):
        small, large = (boxes(output, name) for output in outputs)
        assert small["boxes"] == large["boxes"] != []
        for kind in ("masks", "heatmaps"):
            one, other = (output.output.path / kind / f"{name}.png" for output in outputs)
            np.testing.assert_array_equal(cv2.imread(str(one)), cv2.imread(str(other)))
        one, other = (output.output.path / "overlays" / f"{name}.jpg" for output in outputs)
        sizes = {PIL.Image.open(io.BytesIO(file.read_bytes())).size for file in (one, other)}
        assert len(sizes) == 1
