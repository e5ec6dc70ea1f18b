"""What Leptonica is trusted to read, held against Tesseract, and what it is not."""

import io
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw, ImageFont
from png_files import chunk

from locpipe.pipeline.export.leptonica import reads


def word() -> Image.Image:
    picture = Image.new("RGB", (330, 90), "white")
    ImageDraw.Draw(picture).text((20, 10), "ALPHA", "black", ImageFont.load_default(60))
    return picture


def saved(format_: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    word().convert(mode).save(file, format_, **options)
    return file.getvalue()


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def png_with(early: bytes) -> bytes:
    whole = saved("PNG")
    return whole[:33] + early + whole[33:]


def glass(format_: str, **options: Any) -> bytes:
    """Black letters on nothing."""
    file = io.BytesIO()
    picture = Image.new("RGB", word().size)
    picture.putalpha(word().convert("L").point(lambda level: 255 - level))
    picture.save(file, format_, **options)
    return file.getvalue()


RGB = np.asarray(word())
GREY = RGB[:, :, 0]
DEEP = GREY.astype(np.uint16) * 257
READ = {
    "baseline.jpg": saved("JPEG"),
    "progressive.jpg": saved("JPEG", progressive=True),
    "restarts.jpg": saved("JPEG", restart_marker_blocks=2),
    "grey.jpg": saved("JPEG", "L"),
    "telephone.jpg": saved("MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
    "rgb.png": saved("PNG"),
    "palette.png": saved("PNG", "P"),
    "bilevel.png": saved("PNG", "1"),
    "animated.png": saved("PNG", save_all=True, append_images=[word().rotate(180)]),
    "checksum.png": png_with(chunk(b"tEXt", b"a\0b", error=1)),
    "trailing.png": saved("PNG") + b"more",
    "lossy.webp": saved("WEBP"),
    "lossless.webp": saved("WEBP", lossless=True),
    "rgb.tif": tiff(RGB, photometric="rgb"),
    "grey.tif": tiff(GREY, photometric="minisblack", rowsperstrip=7),
    "white_is_zero.tif": tiff(255 - GREY, photometric="miniswhite"),
    "deep.tif": tiff(DEEP, photometric="minisblack", byteorder=">"),
    "predictor.tif": tiff(RGB, photometric="rgb", compression="zlib", predictor=True),
    "palette.tif": saved("TIFF", "P"),
    "fax.tif": saved("TIFF", "1", compression="group4"),
    "private.tif": saved("TIFF", tiffinfo={50000: "a tag of somebody's own"}),
    "lzw.tif": saved("TIFF", compression="tiff_lzw"),
}
RARE = {
    "cut.jpg": saved("JPEG")[:-2],
    "inks.jpg": saved("JPEG", "CMYK"),
    "arithmetic.jpg": saved("JPEG").replace(b"\xff\xc0", b"\xff\xc9"),
    "lossless.jpg": saved("JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
    "cut.png": saved("PNG")[:-1],
    "alpha.png": glass("PNG"),
    "grey_level.png": saved("PNG", "L", transparency=255),
    "unknown.png": png_with(chunk(b"ABCD", b"x")),
    "any.bmp": saved("BMP"),
    "any.gif": saved("GIF"),
    "animated.webp": saved("WEBP", save_all=True, append_images=[Image.new("RGB", word().size)]),
    "alpha.webp": glass("WEBP", lossless=True),
    "alpha.tif": glass("TIFF"),
    "tiles.tif": tiff(RGB, photometric="rgb", tile=(16, 16)),
    "planes.tif": tiff(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
    "float.tif": tiff((GREY / 255).astype(np.float32), photometric="minisblack"),
    "signed.tif": tiff(DEEP.astype(np.int16), photometric="minisblack"),
    "5_bands.tif": tiff(np.dstack([RGB, GREY, GREY]), photometric="rgb"),
    "inks.tif": saved("TIFF", "CMYK"),
    "jpeg.tif": saved("TIFF", compression="jpeg"),
    "any.avif": saved("AVIF", speed=10),
    "any.jp2": saved("JPEG2000"),
}


@pytest.mark.parametrize("name", RARE)
def test_what_is_not_surely_read_is_not_trusted(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(RARE[name])
    assert not reads(tmp_path / name)


def test_tesseract_reads_what_is_trusted(tmp_path: Path) -> None:
    for name, content in READ.items():
        (tmp_path / name).write_bytes(content)
        assert reads(tmp_path / name), name
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{tmp_path / name}\n" for name in READ))
    try:
        done = subprocess.run(
            ["tesseract", listed, "-", "--psm", "7"],
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("install tesseract-ocr and tesseract-ocr-eng")
    assert done.stdout.split() == ["ALPHA"] * len(READ)


def test_damage_that_a_decoder_only_tells_of(tmp_path: Path) -> None:
    """Leptonica gives up where libjpeg and libtiff warn."""
    jpeg, fax = READ["baseline.jpg"], bytearray(READ["fax.tif"])
    (tmp_path / "a.jpg").write_bytes(jpeg[: len(jpeg) * 3 // 4] + jpeg[-2:])
    for place in range(100, 160, 7):
        fax[place] ^= 0x5A
    (tmp_path / "b.tif").write_bytes(fax)
    assert not reads(tmp_path / "a.jpg")
    assert not reads(tmp_path / "b.tif")
