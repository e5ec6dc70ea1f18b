"""JPEG: the fast way gives the pixels of the slow one, and what is missing is never made up."""

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image
import pytest
import skimage.data
from PIL import ImageCms

from locpipe.stages.decoding.formats import decode_fast, opened
from locpipe.stages.decoding.jpeg import faultless_pixels
from locpipe.stages.errors import ImageError
from locpipe.stages.load import load

END = b"\xff\xd9"
SCAN = b"\xff\xda"


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    photo = PIL.Image.fromarray(np.ascontiguousarray(skimage.data.chelsea()[::4, ::4]))
    photo.convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def thumbnail() -> bytes:
    """EXIF with a JPEG inside, whose markers are not the picture's."""
    return b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + jpeg("L", quality=5)


SEQUENTIAL: dict[str, dict[str, Any]] = {
    "colour": {"quality": 95},
    "full chroma": {"subsampling": 0},
    "grey": {"mode": "L"},
    "inks": {"mode": "CMYK"},
    "restarts": {"restart_marker_blocks": 3},
    "a restart for every block": {"restart_marker_blocks": 1, "quality": 10},
    "optimized": {"optimize": True},
    "with a thumbnail": {"exif": thumbnail()},
}


@pytest.mark.parametrize("kind", [{}, {"subsampling": 0}, {"mode": "L"}, {"progressive": True}])
def test_the_fast_decoder_gives_the_pixels_of_pillow(kind: dict[str, Any]) -> None:
    content = jpeg(**kind)
    expected = np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))
    found = faultless_pixels(content)
    assert found is not None
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kept", [slice(-2), slice(40), slice(900)])
def test_the_fast_decoder_leaves_faults_to_the_careful_one(kept: slice) -> None:
    assert faultless_pixels(jpeg()[kept]) is None


def profile(space: Literal["LAB", "sRGB"]) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


@pytest.mark.parametrize(
    ("kind", "is_fast"),
    [
        ({}, True),
        ({"mode": "L"}, True),
        ({"icc_profile": profile("sRGB")}, True),
        ({"icc_profile": profile("LAB")}, False),
        ({"mode": "CMYK"}, False),
    ],
)
def test_common_photographs_go_the_fast_way(
    kind: dict[str, Any],
    is_fast: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(**kind))
    with opened(tmp_path / "a.jpg", 1) as stored:
        assert (decode_fast(stored) is not None) == is_fast


@pytest.mark.parametrize("padding", [b"", bytes(500), b"\xff"])
@pytest.mark.parametrize("kind", SEQUENTIAL)
def test_all_pixels_are_there(kind: str, padding: bytes, tmp_path: Path) -> None:
    whole = jpeg(**SEQUENTIAL[kind])
    (tmp_path / "whole.jpg").write_bytes(whole)
    (tmp_path / "a.jpg").write_bytes(whole.removesuffix(END) + padding)
    expected = load(tmp_path / "whole.jpg").rgb
    np.testing.assert_array_equal(load(tmp_path / "a.jpg").rgb, expected)


@pytest.mark.parametrize("kind", SEQUENTIAL)
def test_pixels_that_are_missing_are_never_made_up(kind: str, tmp_path: Path) -> None:
    """Every cut of the last bytes, and some far from the end."""
    whole = jpeg(**SEQUENTIAL[kind])
    (tmp_path / "whole.jpg").write_bytes(whole)
    expected = load(tmp_path / "whole.jpg").rgb
    refused = 0
    for cut in [*range(3, 20), 200, len(whole) // 2]:
        (tmp_path / "a.jpg").write_bytes(whole[:-cut])
        try:
            found = load(tmp_path / "a.jpg").rgb
        except ImageError as error:
            assert "cut short" in str(error)  # noqa: PT017 - the other outcome is right as well
            refused += 1
        else:
            np.testing.assert_array_equal(found, expected)
    assert refused > 10


def test_whole_scans_may_be_missing_of_a_progressive_file(tmp_path: Path) -> None:
    whole = jpeg(progressive=True)
    for content in (whole.removesuffix(END), whole[: whole.rindex(SCAN)]):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(ImageError, match="cut short"):
            load(tmp_path / "a.jpg")
