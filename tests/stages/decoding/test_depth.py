"""More than 8 bits per sample: nearest level, white where it belongs, no guess where it is unknown."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
import skimage.data
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from png_files import chunk

from locpipe.stages.errors import ImageError
from locpipe.stages.load import load


@pytest.fixture(scope="module")
def deep() -> NDArray[np.uint16]:
    """Every one of the 65536 levels in every channel, uint16 [256, 256, 4]."""
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    return np.stack([levels, levels[::-1], levels.T, levels.T[::-1]], axis=-1)


def to_8(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """round(v / 257), in integers."""
    return ((values.astype(np.int64) + 128) // 257).astype(np.uint8)


def grey_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def tiff(path: Path, values: NDArray[Any], **options: Any) -> Path:
    tifffile.imwrite(path, values, **options)
    return path


TIFF_LAYOUTS: list[dict[str, Any]] = [
    {},
    {"byteorder": ">"},
    {"compression": "zlib"},
    {"compression": "zlib", "predictor": True},
    {"tile": (16, 16)},
    {"rowsperstrip": 7},
]


@pytest.mark.parametrize("layout", TIFF_LAYOUTS, ids=str)
def test_every_level_of_16_bit_tiff(
    layout: dict[str, Any], deep: NDArray[np.uint16], tmp_path: Path
) -> None:
    rgb = deep[:, :, :3]
    colour = load(tiff(tmp_path / "a.tif", rgb, photometric="rgb", **layout))
    np.testing.assert_array_equal(colour.rgb, to_8(rgb))
    grey = load(tiff(tmp_path / "b.tif", rgb[:, :, 0], photometric="minisblack", **layout))
    np.testing.assert_array_equal(grey.rgb, grey_rgb(to_8(rgb[:, :, 0])))


def test_16_bit_lzw_tiff(deep: NDArray[np.uint16], tmp_path: Path) -> None:
    """What raw converters write by default."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    encoded = cv2.imencode(".tiff", deep[:, :, 2::-1], options)[1]
    (tmp_path / "a.tif").write_bytes(encoded.tobytes())
    with PIL.Image.open(tmp_path / "a.tif") as picture:
        assert picture.info["compression"] == "tiff_lzw"
    np.testing.assert_array_equal(load(tmp_path / "a.tif").rgb, to_8(deep[:, :, :3]))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_level_of_16_bit_png(channels: int, deep: NDArray[np.uint16], tmp_path: Path) -> None:
    values = deep[:, :, :channels]
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", values[:, :, ::-1])[1].tobytes())
    expected = to_8(values)
    np.testing.assert_array_equal(
        load(tmp_path / "a.png").rgb, expected if channels == 3 else grey_rgb(expected[:, :, 0])
    )


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 200, 30)])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_16_bit_alpha_over_a_background(
    extension: str, background: tuple[int, int, int], deep: NDArray[np.uint16], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{extension}"
    if extension == "png":
        path.write_bytes(cv2.imencode(".png", deep[:, :, [2, 1, 0, 3]])[1].tobytes())
    else:
        tiff(path, deep, photometric="rgb", extrasamples=["unassalpha"])
    alpha = deep[:, :, 3:] / 65535
    exact = alpha * deep[:, :, :3] / 257 + (1 - alpha) * np.array(background)
    found = load(path, background=background).rgb
    assert np.abs(found - exact).max() <= 1.5  # colour, alpha and result are each rounded


def test_16_bit_grey_with_alpha_png(deep: NDArray[np.uint16], tmp_path: Path) -> None:
    grey, alpha = deep[:, :, 0], deep[:, :, 1]
    samples = np.stack([grey, alpha], axis=-1)
    (tmp_path / "a.png").write_bytes(png(samples, depth=16, colour_type=4))
    exact = alpha / 65535 * (grey / 257) + (1 - alpha / 65535) * 255
    assert np.abs(load(tmp_path / "a.png").rgb[:, :, 1] - exact).max() <= 1.5


def test_16_bit_colour_key_png(deep: NDArray[np.uint16], tmp_path: Path) -> None:
    rgb = deep[:, :, :3]
    key = struct.pack(">HHH", *(int(v) for v in rgb[9, 4]))
    (tmp_path / "a.png").write_bytes(png(rgb, depth=16, colour_type=2, transparent=key))
    expected = to_8(rgb)
    expected[9, 4] = (1, 2, 3)
    found = load(tmp_path / "a.png", background=(1, 2, 3)).rgb
    np.testing.assert_array_equal(found, expected)


def test_premultiplied_16_bit_tiff(deep: NDArray[np.uint16], tmp_path: Path) -> None:
    alpha = np.full((64, 64, 1), 32768, np.uint16)
    values = np.concatenate([deep[:64, :64, :3] // 2, alpha], axis=2)
    path = tiff(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["assocalpha"])
    exact = values[:, :, :3] / 257 + 0.5 * 255
    assert np.abs(load(path).rgb - exact).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_white_is_zero(dtype: type[Any], tmp_path: Path) -> None:
    photo = skimage.data.camera()[::8, ::8]
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
    values = ((255 - photo).astype(float) * scale).astype(dtype)
    path = tiff(tmp_path / "a.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(load(path).rgb, grey_rgb(photo))


def test_12_bit_tiff(tmp_path: Path) -> None:
    """Two samples in three bytes; white is 4095."""
    values = np.linspace(0, 4095, 64).round().astype(int)
    packed = b"".join(
        bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in values.reshape(-1, 2).tolist()
    )
    (tmp_path / "a.tif").write_bytes(bare_tiff(64, 1, bits=12, strip=packed))
    expected = np.rint(values / 4095 * 255).astype(np.uint8)
    np.testing.assert_array_equal(load(tmp_path / "a.tif").rgb[0, :, 0], expected)


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_float_tiff(white: float, tmp_path: Path) -> None:
    photo = skimage.data.camera()[::8, ::8]
    assert photo.max() > 250
    values = (photo * np.float32(white / 255)).astype(np.float32)
    path = tiff(tmp_path / "a.tif", values, photometric="minisblack")
    np.testing.assert_array_equal(load(path).rgb, grey_rgb(photo))


@pytest.mark.parametrize(("dtype", "white"), [(np.int32, 255), (np.int32, 65535), (np.int16, 255)])
def test_tiff_of_integers(dtype: type[np.int32 | np.int16], white: int, tmp_path: Path) -> None:
    """Programs that count keep levels of 8 bits in wider integers."""
    photo = skimage.data.camera()[::8, ::8]
    values = (photo.astype(np.int64) * (white // 255)).astype(dtype)
    path = tiff(tmp_path / "a.tif", values, photometric="minisblack")
    np.testing.assert_array_equal(load(path).rgb, grey_rgb(photo))


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 16])
@pytest.mark.parametrize("kind", ["grey", "rgb", "alpha"])
@pytest.mark.parametrize("extension", ["tif", "png"])
def test_a_word_about_10_or_12_bits_in_16(
    extension: str, kind: str, bits: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    channels = {"grey": 1, "rgb": 3, "alpha": 4}[kind]
    values = np.zeros((9, 8, channels), np.uint16)
    values[:, 4:] = 2**bits - 1
    if kind == "alpha":
        values[..., 3] = 65535
    values = values[..., 0] if kind == "grey" else values
    encoded = cv2.imencode(f".{extension}", values)[1]
    (tmp_path / f"a.{extension}").write_bytes(encoded.tobytes())
    load(tmp_path / f"a.{extension}")
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (bits < 16)
    assert all(f"a.{extension}': page 1 is nearly black" in message for message in told)


def test_nothing_is_said_of_a_black_page_or_of_8_bits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(tiff(tmp_path / "a.tif", np.zeros((9, 9), np.uint16)))
    load(tiff(tmp_path / "b.tif", np.full((9, 9), 3, np.uint8)))
    assert caplog.records == []


def test_float_tiff_with_what_is_no_number(tmp_path: Path) -> None:
    values = np.array([[0.5, np.nan, -3.0, 1.0, np.inf, -np.inf]], np.float32)
    path = tiff(tmp_path / "a.tif", values, photometric="minisblack")
    np.testing.assert_array_equal(load(path).rgb[0, :, 0], [128, 0, 0, 255, 255, 0])


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_float_levels_are_nearest(values: NDArray[np.float32], tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", values, photometric="minisblack")
    assert np.abs(load(path).rgb[:, :, 0] - values.astype(float) * 255).max() <= 0.5001


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((9, 9), 1e6, np.float32), "samples up to 1e"),
        (np.full((9, 9), 10**8, np.int32), "samples up to 1e"),
    ],
)
def test_samples_without_an_agreed_white_are_refused(
    values: NDArray[Any], reason: str, tmp_path: Path
) -> None:
    path = tiff(tmp_path / "a.tif", values, photometric="minisblack")
    with pytest.raises(ImageError, match=rf"a\.tif' cannot be decoded \({reason}.*8-bit PNG"):
        load(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_planes_are_refused(
    compression: str | None, deep: NDArray[np.uint16], tmp_path: Path
) -> None:
    path = tiff(
        tmp_path / "a.tif",
        np.moveaxis(deep[:, :, :3], -1, 0),
        photometric="rgb",
        planarconfig="separate",
        compression=compression,
    )
    with pytest.raises(ImageError, match=r"16-bit colours in separate planes.*8-bit PNG"):
        load(path)


def test_8_bit_planes(tmp_path: Path) -> None:
    photo = skimage.data.chelsea()[::8, ::8]
    planes = np.moveaxis(photo, -1, 0)
    path = tiff(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(load(path).rgb, photo)


def test_cut_16_bit_files(deep: NDArray[np.uint16], tmp_path: Path) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, deep[:, :, :3], photometric="rgb", compression="zlib", rowsperstrip=8)
    for content in (file.getvalue(), png(deep[:, :, :3], depth=16, colour_type=2)):
        (tmp_path / "a").write_bytes(content[: len(content) * 3 // 4])
        with pytest.raises(ImageError, match="cut short"):
            load(tmp_path / "a")


def png(
    samples: NDArray[np.uint16], *, depth: int, colour_type: int, transparent: bytes = b""
) -> bytes:
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tRNS", transparent) if transparent else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bare_tiff(width: int, height: int, *, bits: int, strip: bytes) -> bytes:
    """A grey little-endian TIFF of one strip."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 277: 1, 278: height}
    tags |= {273: 8 + 2 + 12 * 9 + 4, 279: len(strip)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + strip
