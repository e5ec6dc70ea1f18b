"""BMP: the bits that name its colours, and alpha that nobody set."""

import struct
from pathlib import Path

import numpy as np
import pytest

from locpipe.stages.errors import ImageError
from locpipe.stages.load import load


def bmp(bits: int, masks: tuple[int, ...], row: bytes) -> bytes:
    """One row of a BMP whose header names the bits of its colours, and of alpha where given."""
    width = len(row) * 8 // bits
    row += bytes(-len(row) % 4)
    size = 40 if len(masks) == 3 else 56
    head = struct.pack("<IiiHHIIiiII", size, width, 1, 1, bits, 3, len(row), 0, 0, 0, 0)
    head += struct.pack(f"<{len(masks)}I", *masks)
    return (
        struct.pack("<2sIHHI", b"BM", 14 + len(head) + len(row), 0, 0, 14 + len(head)) + head + row
    )


BIT_FIELDS = [
    (16, (0xF800, 0x7E0, 0x1F)),
    (16, (0x7C00, 0x3E0, 0x1F)),
    (16, (0x1F, 0x7E0, 0xF800)),
    (16, (0xF00, 0xF0, 0xF)),
    (32, (0xFF, 0xFF00, 0xFF0000)),
    (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    (32, (0xFFC00000, 0x3FF000, 0xFFC)),
]


@pytest.mark.parametrize("is_top_down", [False, True])
@pytest.mark.parametrize(("bits", "masks"), BIT_FIELDS)
def test_bmp_that_names_the_bits_of_its_colours(
    bits: int,
    masks: tuple[int, ...],
    is_top_down: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    """Of embedded cameras; the highest level of each colour is white."""
    samples = np.random.default_rng(1).integers(0, 2**bits, 999)
    content = bytearray(bmp(bits, masks, samples.astype(f"<u{bits // 8}").tobytes()))
    content[22:26] = struct.pack("<i", -1 if is_top_down else 1)
    (tmp_path / "a.bmp").write_bytes(content)
    found = load(tmp_path / "a.bmp").rgb[0, :999]
    expected = np.stack([(samples & mask) / mask * 255 for mask in masks], axis=-1)
    assert np.abs(found - expected).max() <= 1


def test_alpha_of_a_bmp_of_four_bits_each(tmp_path: Path) -> None:
    row = np.array([0xF000, 0x0FFF, 0xFF00, 0x800F], "<u2").tobytes()
    (tmp_path / "a.bmp").write_bytes(bmp(16, (0xF00, 0xF0, 0xF, 0xF000), row))
    found = load(tmp_path / "a.bmp", background=(50, 60, 70)).rgb[0].tolist()
    assert found[:3] == [[0, 0, 0], [50, 60, 70], [255, 0, 0]]
    np.testing.assert_allclose(found[3], (23, 28, 169), atol=1)


def test_a_bmp_of_bits_that_is_cut_short_or_rare_is_an_error(tmp_path: Path) -> None:
    content = bmp(16, (0xF00, 0xF0, 0xF), bytes(200))
    for changed in (content[:-1], content[:20], content[:30] + b"\x05" + content[31:]):
        (tmp_path / "a.bmp").write_bytes(changed)
        with pytest.raises(ImageError, match=r"a\.bmp' (cannot be decoded|is not a picture)"):
            load(tmp_path / "a.bmp")


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_alpha_of_a_bmp_that_is_0_everywhere_was_never_set(alpha: int, tmp_path: Path) -> None:
    pixels = bytes([10, 20, 30, 0]) + bytes([30, 20, 10, alpha])
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    (tmp_path / "a.bmp").write_bytes(bmp(32, masks, pixels))
    found = load(tmp_path / "a.bmp", background=(50, 60, 70)).rgb[0].tolist()
    if alpha == 0:
        assert found == [[30, 20, 10], [10, 20, 30]]
    else:
        assert found[0] == [50, 60, 70]
        over = [round(c * alpha / 255 + b * (1 - alpha / 255)) for c, b in zip((10, 20, 30), (50, 60, 70), strict=True)]  # fmt: skip
        np.testing.assert_allclose(found[1], over, atol=1)
