"""Zones as Tesseract 5 reads them: held against the program itself."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_fixtures import Export, MakeRun

from locpipe.pipeline.export.to.uzn import zones
from locpipe.pipeline.output.box_json import Maker, Page
from locpipe.stages.geometry.box import Box

ORIENTATIONS = range(1, 9)
SAMPLES = Path(__file__).resolve().parents[4] / "data" / "samples"
WINBOND = "278,198,347,198,347,217,278,217"  # of gt/circuit_board.txt


def page_with(*rects: tuple[int, int, int, int]) -> Page:
    polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    boxes = tuple(Box("a", 0.5, polygon, rect) for rect in rects)
    return Page("a.png", 1, 100, 80, 1, 100, 80, "", ("a",), boxes, Maker("m", "", ""))


def test_zones_are_padded_and_stay_inside_the_picture() -> None:
    assert zones(page_with((10, 20, 30, 40), (0, 0, 100, 3), (97, 70, 100, 80))) == [
        (6, 16, 34, 44),
        (0, 0, 100, 7),
        (93, 66, 100, 80),
    ]


def test_boxes_that_cover_each_other_are_read_once() -> None:
    assert zones(page_with((10, 10, 50, 30), (12, 12, 30, 28))) == [(6, 6, 54, 34)]
    assert zones(page_with((10, 40, 50, 60), (20, 42, 90, 60))) == [(6, 36, 94, 64)]
    assert len(zones(page_with((10, 10, 50, 30), (48, 10, 90, 30)))) == 2
    assert len(zones(page_with((10, 40, 50, 60), (10, 58, 50, 78)))) == 2, "less than half"


def test_a_zone_has_four_integers_and_a_label(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    folder = exported(make_run({"a.png": (sign, 1, boxes)}), "uzn")
    assert (folder / "uzn" / "a.png.uzn").read_text() == (
        "16 26 108 38 Text\n126 24 79 48 Text\n16 66 128 48 Text\n"
    )


def test_names_that_differ_in_their_extension_have_zones_of_their_own(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    folder = exported(
        make_run({"s/a.png": (sign, 1, boxes), "s/a.jpg": (sign, 1, boxes[:1])}), "uzn"
    )
    for name, count in (("a.png", 3), ("a.jpg", 1)):
        picture = folder / "uzn" / "s" / f"{name}{Path(name).suffix}"
        assert picture.resolve() == folder.parents[1] / "pictures" / "s" / name
        assert len(picture.with_suffix(".uzn").read_text().splitlines()) == count


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_zones_are_in_the_pixels_of_the_picture_beside_them(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    orientation: int,
) -> None:
    made = (sign, orientation, boxes)
    folder = exported(make_run({"a.png": made, "b.tif": made}), "uzn") / "uzn"
    files = list(folder.glob("*.uzn"))
    assert {file.name for file in files} == {"a.png.uzn", "b.tif.uzn"} | (
        {"a.png.upright.uzn"} if orientation != 1 else set()
    )
    for file in files:
        (picture,) = set(folder.glob(f"{file.stem}.*")) - {*folder.glob("*.uzn"), *folder.glob("*.upright.*")} or {file.with_suffix(".png")}  # fmt: skip
        with Image.open(picture) as stored:
            pixels = np.asarray(stored.convert("RGB"))
        left, top, width, height = map(int, file.read_text().splitlines()[0].split()[:4])
        zone = pixels[top : top + height, left : left + width]
        assert sorted(zone.shape[:2]) == [38, 108]
        red = (zone == (200, 0, 0)).all(axis=2)
        assert red.sum() == 400, "the whole mark lies inside"


def test_without_a_box_there_is_no_file_but_a_line_in_a_list(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    folder = exported(make_run({"a.png": (sign, 1, []), "b.png": (sign, 1, boxes)}), "uzn")
    assert {file.name for file in (folder / "uzn").iterdir()} == {"b.png.png", "b.png.uzn"}
    assert (folder / "uzn-empty.txt").read_text() == "a.png\n"
    assert (folder / "uzn.txt").read_text() == f"{folder}/uzn/b.png.png\n"


def test_a_name_with_a_line_break_is_left_out_of_the_lists(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = exported(make_run({"a\nb.png": (sign, 1, boxes)}), "uzn")
    assert (folder / "uzn" / "a\nb.png.uzn").exists()
    assert (folder / "uzn.txt").read_bytes() == b""
    assert "has a line break" in caplog.text


def test_a_name_with_no_room_for_that_of_a_copy_is_listed(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    name = "l" * 244 + ".png"  # .uzn fits into 255 bytes, .upright.png does not
    folder = exported(make_run({name: (sign, 1, boxes)}), "uzn")
    assert (folder / "uzn.txt").read_text() == f"{folder}/uzn/{name}.png\n"


def test_a_picture_too_long_for_tesseract_is_told(
    make_run: MakeRun,
    exported: Export,
    boxes: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = exported(make_run({"a.png": (Image.new("RGB", (32768, 120)), 1, boxes)}), "uzn")
    assert not list(folder.glob("uzn/*"))
    assert "more than 32767 pixels" in caplog.text
    assert (folder / "uzn.txt").read_text() == ""
    assert (folder / "uzn-empty.txt").read_text() == "", "there is something to read"


def tesseract(*arguments: str | Path) -> str:
    command = ["tesseract", *map(str, arguments)]
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def _tesseract() -> None:
    try:
        version = tesseract("--version")
    except FileNotFoundError:
        pytest.skip("install tesseract-ocr and tesseract-ocr-eng")
    assert version.startswith("tesseract 5")


@pytest.mark.usefixtures("_tesseract")
@pytest.mark.parametrize("psm", [4, 6, 11])
def test_tesseract_reads_the_zones_and_nothing_else(
    make_run: MakeRun, exported: Export, words: Any, psm: int
) -> None:
    upright, _, boxes = words
    made = {f"{o}.jpg": (upright, o, boxes) for o in (1, 3, 6)}
    made |= {"8.tif": (upright, 8, boxes), "none.png": (upright, 1, [])}
    folder = exported(make_run(made), "uzn")
    read = tesseract(folder / "uzn.txt", "-", "--psm", str(psm)).split()
    assert read == ["ALPHA", "BRAVO"] * 4


@pytest.mark.usefixtures("_tesseract")
def test_tesseract_gets_copies_of_what_leptonica_cannot_open(
    make_run: MakeRun, exported: Export, words: Any
) -> None:
    """Some would end its list; the others would be left out, or read as black."""
    upright, _, _ = words
    ink = upright.convert("L").point(lambda level: 255 - level)
    glass = Image.new("RGB", upright.size)
    glass.putalpha(ink)
    rare: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "1.webp": (upright, {"save_all": True, "append_images": [glass.convert("RGB")]}),
        "2.webp": (glass, {"lossless": True}),
        "3.tif": (upright.convert("F").point(lambda level: level / 255), {}),
        "4.tif": (upright.convert("L"), {"tiffinfo": {321: 704}}),  # the width of a tile is 322
        "5.tif": (upright.convert("L"), {"tiffinfo": {284: 2}}),  # in planes
        "7.tif": (glass, {}),
        "8.gif": (glass, {}),
        "a.jpg": (upright, {}),
        "b.bmp": (upright.convert("RGBA"), {}),
        "c.png": (upright.convert("L"), {"transparency": 255}),
    }
    run = make_run(dict.fromkeys(["6.png", *rare], words))
    for name, (picture, options) in rare.items():
        file = run / "pictures" / name
        picture.save(file, **options)
        content = file.read_bytes().replace(b"\x41\x01\x03\x00", b"\x42\x01\x03\x00")
        file.write_bytes(content.removesuffix(b"\xff\xd9"))
        document = run / "out" / "boxes" / f"{name}.json"
        found = json.loads(document.read_bytes())
        found["image"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        document.write_text(json.dumps(found))
    folder = exported(run, "uzn")
    assert {file.name for file in (folder / "uzn").glob("*.png")} == {
        *(f"{name}.png" for name in rare),
        "6.png.png",
    }
    read = tesseract(folder / "uzn.txt", "-", "--psm", "6").split()
    assert read == ["ALPHA", "BRAVO"] * (len(rare) + 1)


@pytest.mark.usefixtures("_tesseract")
@pytest.mark.parametrize("psm", [4, 6, 11])
def test_tesseract_reads_real_photographs(make_run: MakeRun, exported: Export, psm: int) -> None:
    """The maker's name on a chip; the same as a telephone stores it; and a cup without a word."""
    chip, cup = (
        Image.open(SAMPLES / name).convert("RGB") for name in ("circuit_board.jpg", "coffee.png")
    )
    corners = [int(n) for n in WINBOND.split(",")]
    x, y = corners[::2], corners[1::2]
    polygon = [[float(a), float(b)] for a, b in zip(x, y, strict=True)]
    rect = [min(x), min(y), max(x), max(y)]
    box = {"label": "text", "score": 0.9, "rect": rect, "polygon": polygon, "line": 0}
    made = {"1.jpg": (chip, 1, [box]), "6.jpg": (chip, 6, [box]), "cup.png": (cup, 1, [])}
    folder = exported(make_run(made), "uzn")
    read = tesseract(folder / "uzn.txt", "-", "--psm", str(psm)).split()
    assert read == ["winbond", "winbond"]
    assert (folder / "uzn-empty.txt").read_text() == "cup.png\n"
