"""Pages of a TIFF are found once, and each is read without those before it."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PIL.TiffImagePlugin import TiffImageFile

from locpipe.stages.decoding import directories as module
from locpipe.stages.decoding.formats import opened
from locpipe.stages.errors import ImageError
from locpipe.stages.load import load, probe


def pages_of(count: int) -> list[Image.Image]:
    return [Image.fromarray(np.full((20 + n, 30), 8 * n, np.uint8)) for n in range(count)]


def saved(path: Path, count: int) -> Path:
    first, *rest = pages_of(count)
    first.save(path, save_all=True, append_images=rest)
    return path


def places(path: Path) -> list[int]:
    """Of the directories, as Pillow finds them."""
    with TiffImageFile(path) as picture:
        return [picture.tag_v2.offset for _ in ImageSequence.Iterator(picture)]


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize(("mode", "big"), [("L", False), ("L", True), ("I;16B", False)])
def test_each_page_is_decoded_as_by_a_walk_from_the_first(
    tmp_path: Path, compression: str | None, mode: str, *, big: bool
) -> None:
    path = tmp_path / "a.tif"
    first, *rest = (page.convert(mode) for page in pages_of(4))
    first.save(path, save_all=True, append_images=rest, compression=compression, big_tiff=big)
    assert probe(path).pages == 4
    for number in (3, 1, 4, 2):
        page = load(path, page=number)
        assert (page.width, page.height, page.pages) == (30, 19 + number, 4)
    with Image.open(path) as picture:
        picture.seek(2)
        expected = np.asarray(picture.convert("RGB"))
    if mode == "L":
        np.testing.assert_array_equal(load(path, page=3).rgb, expected)


def test_directories_are_walked_once_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = saved(tmp_path / "a.tif", 30), saved(tmp_path / "b.tif", 3)
    read = []
    real = module._directory

    def counted(file: BinaryIO, place: int, layout: module._Layout) -> tuple[int | None, int]:
        read.append(place)
        return real(file, place, layout)

    monkeypatch.setattr(module, "_directory", counted)
    for number in range(1, 31):
        load(path, page=number)
    assert len(read) == 30
    assert probe(other).pages == 3
    assert len(read) == 33
    saved(path, 2)
    assert probe(path).pages == 2


def test_a_damaged_directory_spoils_its_own_page_only(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", 4)
    content = bytearray(path.read_bytes())
    for place in places(path)[0], places(path)[2]:
        (entries,) = struct.unpack_from("<H", content, place)
        content[place + 2 : place + 2 + 12 * entries] = bytes(12 * entries)
    path.write_bytes(content)
    for number in (1, 3):
        with pytest.raises(ImageError, match=r"a\.tif' "):
            load(path, page=number)
    for number in (2, 4):
        assert load(path, page=number).height == 19 + number


def test_a_directory_beyond_the_end_is_a_page_that_fails(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", 3)
    path.write_bytes(path.read_bytes()[: places(path)[2]])
    assert [probe(path, page=number).pages for number in (1, 2)] == [3, 3]
    with pytest.raises(ImageError, match=r"cut short at page 3, so that no page after it can"):
        load(path, page=3)


def test_a_directory_that_is_wiped_out_hides_the_others_and_says_so(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", 4)
    content = bytearray(path.read_bytes())
    content[places(path)[1] : places(path)[1] + 200] = bytes(200)
    path.write_bytes(content)
    assert load(path, page=1).pages == 2
    with pytest.raises(ImageError, match=r"cut short at page 2, so that no page after it can"):
        load(path, page=2)


def test_directories_in_a_circle_have_an_end(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", 3)
    content = bytearray(path.read_bytes())
    first, _, last = places(path)
    (entries,) = struct.unpack_from("<H", content, last)
    struct.pack_into("<I", content, last + 2 + 12 * entries, first)
    path.write_bytes(content)
    assert probe(path).pages == 3


def test_directories_of_copies_count_as_directories(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    first, second, copy = pages_of(3)
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    first.save(path, save_all=True, append_images=[second, copy])
    with opened(path, 1) as stored:
        assert (stored.pages, stored.directories) == (2, 3)
