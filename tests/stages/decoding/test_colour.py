"""Colour spaces, ICC profiles and transparency of the load stage."""

import io
import logging
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import skimage.color
import skimage.data
import tifffile
from numpy.typing import NDArray
from PIL import ImageCms

from locpipe.stages.load import load

DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[4] / "shared" / "data"))
SRGB = ImageCms.createProfile("sRGB")


@pytest.fixture(scope="module")
def photo() -> PIL.Image.Image:
    """A real photograph, RGB, 113 x 75."""
    return PIL.Image.fromarray(np.ascontiguousarray(skimage.data.chelsea()[::4, ::4]))


def s15(*values: float) -> bytes:
    """Numbers as ICC.1:2010 stores them, s15Fixed16."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def icc(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version-2 profile: header, tag table, tags (ICC.1:2001-04, clauses 6.1 and 6.2)."""
    text = b"desc\0\0\0\0\0\0\0\5test\0" + bytes(78)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", **tags}
    tags[b"wtpt"] = b"XYZ \0\0\0\0" + s15(0.9642, 1, 0.8249)
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += padded
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02400000, kind, space, pcs)
    head += bytes(12) + b"acsp" + bytes(28) + s15(0.9642, 1, 0.8249) + bytes(48)
    assert len(head) == 128
    return head + struct.pack(">I", len(tags)) + table + body


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0\0\0\0\1" + struct.pack(">H", round(value * 256))


def wide_gamut() -> bytes:
    """Adobe RGB (1998): its primaries adapted to D50, gamma 2.2."""
    primaries = {b"r": (0.60974, 0.31111, 0.01947), b"g": (0.20528, 0.62567, 0.06087)}
    primaries[b"b"] = (0.14919, 0.06322, 0.74457)
    tags = {name + b"XYZ": b"XYZ \0\0\0\0" + s15(*xyz) for name, xyz in primaries.items()}
    return icc(b"RGB ", b"XYZ ", b"mntr", tags | {n + b"TRC": gamma(2.2) for n in primaries})


def grey_gamma(value: float) -> bytes:
    return icc(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": gamma(value)})


def press() -> bytes:
    """A CMYK press whose cyan is orange: a lut8 from the 16 corners of CMYK to Lab."""
    inks = np.array([(60, 40, 60), (50, 70, -5), (90, -5, 90), (10, 0, 0)], float)  # L, a, b
    paper = np.array((96.0, 0, 0))
    corners = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), -1).reshape(16, 4)
    lab = paper + corners @ (inks - paper) / np.maximum(1, corners.sum(1, keepdims=True))
    coded = np.rint(lab * (2.55, 1, 1) + (0, 128, 128)).astype(np.uint8)
    identity = bytes(range(256))
    lut = b"mft1\0\0\0\0\4\3\2\0" + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut += identity * 4 + coded.tobytes() + identity * 3
    return icc(b"CMYK", b"Lab ", b"prtr", {b"A2B0": lut})


def through_cms(picture: PIL.Image.Image, profile: bytes) -> NDArray[np.uint8]:
    """What Pillow's own one-call conversion gives."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(picture, source, SRGB, outputMode="RGB")
    assert converted is not None
    return np.asarray(converted)


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize("extension", ["png", "tif", "webp"])
def test_wide_gamut_becomes_srgb(extension: str, photo: PIL.Image.Image, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension}"
    options: dict[str, Any] = {"lossless": True} if extension == "webp" else {}
    photo.save(path, icc_profile=wide_gamut(), **options)
    found = load(path).rgb
    np.testing.assert_array_equal(found, through_cms(photo, wide_gamut()))
    assert distance(found, np.asarray(photo)) > 3


def test_wide_gamut_jpeg_turned_by_exif(photo: PIL.Image.Image, tmp_path: Path) -> None:
    tags = PIL.Image.Exif()
    tags[274] = 6
    photo.save(tmp_path / "a.jpg", icc_profile=wide_gamut(), exif=tags)
    with PIL.Image.open(tmp_path / "a.jpg") as stored:
        expected = np.rot90(through_cms(stored.convert("RGB"), wide_gamut()), -1)
    np.testing.assert_array_equal(load(tmp_path / "a.jpg").rgb, expected)


def test_wide_gamut_heic(photo: PIL.Image.Image, tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    block = {"quality": 95, "icc_profile": wide_gamut(), "icc_profile_type": "prof"}
    pillow_heif.encode("RGB", photo.size, photo.tobytes(), path, **block)
    assert distance(load(path).rgb, through_cms(photo, wide_gamut())) < 4


def test_wide_gamut_at_16_bit(photo: PIL.Image.Image, tmp_path: Path) -> None:
    values = np.asarray(photo).astype(np.uint16) * 257
    tags = [(34675, "B", len(wide_gamut()), wide_gamut(), True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=tags)
    np.testing.assert_array_equal(load(tmp_path / "a.tif").rgb, through_cms(photo, wide_gamut()))


def test_srgb_profile_changes_nothing(photo: PIL.Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "a.png", icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes())
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, np.asarray(photo))


@pytest.mark.parametrize(
    ("name", "is_srgb"), [("00009", True), ("00077", True), ("00062", False), ("00027", False)]
)
def test_profiles_of_real_cameras(name: str, is_srgb: bool) -> None:  # noqa: FBT001 - a case
    """HP's sRGB and the small one of photo services are skipped; Adobe RGB and Apple's are not."""
    path = DATA / f"objects/kangaroo/images/{name}.jpg"
    if not path.exists():
        pytest.skip(f"{path} is missing: set LOCPIPE_DATA")
    with PIL.Image.open(path) as stored:
        pixels, converted = np.asarray(stored), through_cms(stored, stored.info["icc_profile"])
    np.testing.assert_array_equal(load(path).rgb, pixels if is_srgb else converted)
    assert (distance(converted, pixels) < 0.1) == is_srgb


@pytest.mark.parametrize(
    "profile", [b"no profile", wide_gamut()[:200], grey_gamma(1.8), press(), b"\0" * 3000]
)
def test_unfit_profile_is_ignored_with_a_warning(
    profile: bytes, photo: PIL.Image.Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photo.save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, np.asarray(photo))
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "a.png': its ICC profile is ignored: " in record.getMessage()


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profile(mode: str, photo: PIL.Image.Image, tmp_path: Path) -> None:
    grey = photo.convert("L")
    grey.convert(mode).save(tmp_path / "a.png", icc_profile=grey_gamma(1.0))
    found = load(tmp_path / "a.png").rgb
    np.testing.assert_array_equal(found, through_cms(grey, grey_gamma(1.0)))
    assert distance(found, np.asarray(grey.convert("RGB"))) > 30


@pytest.mark.parametrize("mode", ["L", "P"])
def test_colour_profile_on_grey_and_palette(
    mode: str, photo: PIL.Image.Image, tmp_path: Path
) -> None:
    picture = photo.convert(mode)
    picture.save(tmp_path / "a.png", icc_profile=wide_gamut())
    expected = through_cms(picture.convert("RGB"), wide_gamut())
    np.testing.assert_array_equal(load(tmp_path / "a.png").rgb, expected)


@pytest.mark.parametrize("extension", ["jpg", "tif"])
def test_cmyk_without_a_profile(extension: str, photo: PIL.Image.Image, tmp_path: Path) -> None:
    """In JPEG the inks are stored inverted, as Adobe does; white paper must come out white."""
    picture = photo.convert("CMYK")
    picture.paste((0, 0, 0, 0), (0, 0, 40, 40))
    picture.paste((0, 255, 255, 0), (40, 0, 80, 40))
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if extension == "jpg" else {}
    picture.save(tmp_path / f"a.{extension}", **options)
    found = load(tmp_path / f"a.{extension}").rgb
    assert distance(found, np.asarray(picture.convert("RGB"))) < 3
    assert found[10, 10].min() > 250
    np.testing.assert_allclose(found[10, 60], (255, 0, 0), atol=6)


@pytest.mark.parametrize("extension", ["jpg", "tif"])
def test_cmyk_with_a_profile(extension: str, photo: PIL.Image.Image, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension}"
    photo.convert("CMYK").save(path, icc_profile=press())
    with PIL.Image.open(path) as stored:
        stored.load()
        expected = through_cms(stored, press())
        plain = np.asarray(stored.convert("RGB"))
    found = load(path).rgb
    np.testing.assert_array_equal(found, expected)
    assert distance(found, plain) > 10


def test_lab_tiff(photo: PIL.Image.Image, tmp_path: Path) -> None:
    """CIE's formulas by scikit-image, which leaves out Bradford's step from D65 to ICC's D50."""
    lab = skimage.color.rgb2lab(np.asarray(photo))
    coded = np.stack([lab[..., 0] * 2.55, lab[..., 1], lab[..., 2]], axis=-1)
    samples = np.rint(coded).astype(np.int16).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="cielab")
    assert distance(load(tmp_path / "a.tif").rgb, np.asarray(photo)) < 4


@pytest.mark.parametrize("compression", [None, "jpeg"])
def test_ycbcr_tiff(compression: str | None, photo: PIL.Image.Image, tmp_path: Path) -> None:
    photo.convert("YCbCr").save(tmp_path / "a.tif", compression=compression, quality=95)
    assert distance(load(tmp_path / "a.tif").rgb, np.asarray(photo)) < 4


BACKGROUNDS = [(255, 255, 255), (10, 200, 90)]


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("extension", ["png", "webp", "tif"])
def test_alpha_over_a_background(
    extension: str,
    mode: str,
    background: tuple[int, int, int],
    photo: PIL.Image.Image,
    tmp_path: Path,
) -> None:
    picture = photo.convert("L").convert("RGB") if mode == "LA" else photo.copy()
    ramp = np.tile(np.linspace(0, 255, 113).round().astype(np.uint8), (75, 1))
    picture.putalpha(PIL.Image.fromarray(ramp))
    options: dict[str, Any] = {"lossless": True, "exact": True} if extension == "webp" else {}
    picture.convert(mode).save(tmp_path / f"a.{extension}", **options)
    alpha = ramp[:, :, None] / 255
    exact = alpha * np.asarray(picture.convert("RGB")) + (1 - alpha) * np.array(background)
    found = load(tmp_path / f"a.{extension}", background=background).rgb
    assert np.abs(found - exact).max() <= 1
    assert (found[:, 0] == background).all()


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("key", [7, bytes([255, 0, 128])], ids=["one colour", "alpha table"])
def test_palette_with_transparency(
    key: int | bytes, background: tuple[int, int, int], tmp_path: Path
) -> None:
    picture = PIL.Image.new("P", (3, 1))
    picture.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200] + [9] * 15)
    picture.putdata([0, 1, 2] if isinstance(key, bytes) else [0, 7, 2])
    picture.save(tmp_path / "a.png", transparency=key)
    found = load(tmp_path / "a.png", background=background).rgb[0]
    assert tuple(found[0]) == (200, 0, 0)
    assert tuple(found[1]) == background
    half = np.array(background) * 127 / 255 + np.array((0, 0, 200)) * 128 / 255
    expected = half if isinstance(key, bytes) else (0, 0, 200)
    np.testing.assert_allclose(found[2], expected, atol=1)


@pytest.mark.parametrize(
    ("mode", "colour", "key"), [("L", 77, 77), ("RGB", (1, 2, 3), (1, 2, 3)), ("1", 255, 1)]
)
def test_colour_key(mode: str, colour: Any, key: Any, tmp_path: Path) -> None:
    picture = PIL.Image.new(mode, (2, 1), 0)
    picture.putpixel((1, 0), colour)
    picture.save(tmp_path / "a.png", transparency=key)
    found = load(tmp_path / "a.png", background=(4, 5, 6)).rgb
    np.testing.assert_array_equal(found, [[(0, 0, 0), (4, 5, 6)]])


def test_transparent_gif(tmp_path: Path) -> None:
    picture = PIL.Image.new("RGBA", (4, 2), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    picture.save(tmp_path / "a.gif")
    found = load(tmp_path / "a.gif", background=(4, 5, 6)).rgb
    assert tuple(found[0, 1]) == (4, 5, 6)
    assert tuple(found[1, 1]) == (255, 0, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_fourth_channel_of_a_tiff_that_is_0_everywhere(
    is_named: bool,  # noqa: FBT001 - a case
    dtype: type[np.uint8 | np.uint16],
    photo: PIL.Image.Image,
    tmp_path: Path,
) -> None:
    """Without a tag that names it, nobody set it."""
    scale = 257 if dtype is np.uint16 else 1
    values = (np.dstack([np.asarray(photo), np.zeros((75, 113))]) * scale).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    if not is_named:
        tag = struct.pack("<HHI", 338, 3, 1)  # becomes one that nobody knows
        content = (tmp_path / "a.tif").read_bytes()
        assert tag in content
        (tmp_path / "a.tif").write_bytes(content.replace(tag, struct.pack("<HHI", 337, 3, 1)))
    found = load(tmp_path / "a.tif", background=(9, 8, 7)).rgb
    assert (found == ((9, 8, 7) if is_named else np.asarray(photo))).all()


def test_a_fourth_channel_of_a_jpeg_2000_that_is_0_everywhere(
    photo: PIL.Image.Image, tmp_path: Path
) -> None:
    picture = photo.copy()
    picture.putalpha(0)
    picture.save(tmp_path / "a.jp2")
    np.testing.assert_array_equal(load(tmp_path / "a.jp2").rgb, np.asarray(photo))


def test_a_png_that_is_transparent_everywhere_shows_the_background(tmp_path: Path) -> None:
    PIL.Image.new("RGBA", (2, 2), (1, 2, 3, 0)).save(tmp_path / "a.png")
    assert (load(tmp_path / "a.png", background=(9, 8, 7)).rgb == (9, 8, 7)).all()


@pytest.mark.parametrize("key", [None, 1])
def test_what_the_first_frame_of_a_gif_leaves_open_is_transparent(
    key: int | None, tmp_path: Path
) -> None:
    """As in browsers and libvips; the background colour of the file is not shown."""
    frame = PIL.Image.new("P", (2, 1))
    frame.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    frame.putdata([2, 1])
    options: dict[str, Any] = {} if key is None else {"transparency": key}
    frame.save(tmp_path / "a.gif", background=0, **options)
    content = bytearray((tmp_path / "a.gif").read_bytes())
    content[6:10] = struct.pack("<HH", 4, 3)  # of the canvas
    at = content.index(b"\x2c", 13 + 12)
    content[at + 1 : at + 5] = struct.pack("<HH", 1, 2)  # left and top of the frame
    (tmp_path / "a.gif").write_bytes(content)
    found = load(tmp_path / "a.gif", background=(4, 5, 6)).rgb
    expected = np.full((3, 4, 3), (4, 5, 6))
    expected[2, 1] = (0, 0, 200)
    if key is None:
        expected[2, 2] = (0, 200, 0)
    np.testing.assert_array_equal(found, expected)


def test_profile_applies_to_colours_not_to_the_background(
    photo: PIL.Image.Image, tmp_path: Path
) -> None:
    picture = photo.copy()
    picture.putalpha(PIL.Image.new("L", photo.size, 0))
    picture.paste((200, 60, 60, 255), (0, 0, 9, 9))
    picture.save(tmp_path / "a.png", icc_profile=wide_gamut())
    found = load(tmp_path / "a.png", background=(0, 250, 0)).rgb
    assert tuple(found[-1, -1]) == (0, 250, 0)
    patch = PIL.Image.new("RGB", (1, 1), (200, 60, 60))
    np.testing.assert_array_equal(found[0, 0], through_cms(patch, wide_gamut())[0, 0])
