"""Other programs get to open the very page that the boxes are of."""

import hashlib
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from run_fixtures import Export, MakeRun

from locpipe.pipeline.export.source import is_opened_as_stored
from locpipe.pipeline.export.write import export
from locpipe.pipeline.output.archive import open_run
from locpipe.stages.errors import OutputError


def replace_picture(run: Path, key: str, file: bytes) -> None:
    """Put another file in the place of a picture, as if the run had seen it."""
    (run / "pictures" / key).write_bytes(file)
    boxes = run / "out" / "boxes" / f"{key}.json"
    document = json.loads(boxes.read_bytes())
    document["image"]["sha256"] = hashlib.sha256(file).hexdigest()
    boxes.write_text(json.dumps(document))


@pytest.fixture
def two_pages(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]], tmp_path: Path
) -> Path:
    """A TIFF with another picture on its first page, and boxes on both."""
    run = make_run({"a.tif": (sign, 1, boxes)})
    first = Image.new("RGB", sign.size, "black")
    first.save(tmp_path / "two.tif", save_all=True, append_images=[sign])
    replace_picture(run, "a.tif", (tmp_path / "two.tif").read_bytes())
    folder = run / "out" / "boxes"
    document = json.loads((folder / "a.tif.json").read_bytes())
    document["image"]["page"] = 2
    (folder / "a.tif.page-2.json").write_text(json.dumps(document))
    return run


def test_every_page_of_a_tiff_is_a_picture_of_its_own(two_pages: Path, exported: Export) -> None:
    folder = exported(two_pages, "page", "alto", "hocr", "uzn", "crops")
    for name in ("a.tif", "a.tif.page-2"):
        xml = folder / "page" / f"{name}.xml"
        (named,) = {page.get("imageFilename") for page in ET.parse(xml).iter() if "imageFilename" in page.attrib}  # fmt: skip
        assert named == f"{name}.png"
    for kind in ("page", "alto", "hocr", "uzn"):
        with Image.open(folder / kind / "a.tif.png") as first:
            assert first.getpixel((40, 35)) == (0, 0, 0)
        with Image.open(folder / kind / "a.tif.page-2.png") as second:
            assert second.getpixel((40, 35)) == (200, 0, 0)
    with Image.open(folder / "crops" / "a.tif.page-2" / "0000.png") as crop:
        assert crop.getpixel((20, 10)) == (200, 0, 0)
    listed = [json.loads(line) for line in (folder / "crops.jsonl").read_text().splitlines()]
    assert [line["page"] for line in listed] == [1, 1, 1, 2, 2, 2]


def test_heic_comes_as_png(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    run = make_run({"a.png": (sign, 1, boxes)})
    pillow_heif.from_pillow(sign).save(tmp_path / "a.heic", quality=100)
    replace_picture(run, "a.png", (tmp_path / "a.heic").read_bytes())
    (page,) = open_run(run / "out").pages()
    assert not is_opened_as_stored(page, run / "pictures" / "a.png")
    folder = exported(run, "alto", "uzn")
    assert "<fileName>a.png.png</fileName>" in (folder / "alto" / "a.png.xml").read_text()
    with Image.open(folder / "uzn" / "a.png.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (240, 120)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png", "a.tif"])
def test_plain_pictures_are_given_as_they_are(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    name: str,
) -> None:
    run = make_run({name: (sign, 1, boxes)})
    folder = exported(run, "uzn", "page")
    link = folder / "uzn" / f"{name}{Path(name).suffix}"
    assert link.readlink() == run / "pictures" / name
    assert not (folder / "page" / f"{name}.png").exists()


def test_a_tiff_with_a_reduced_copy_comes_as_png(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    """Other programs would take the copy for a page, or for the picture where it comes first."""
    run = make_run({"a.tif": (sign, 1, boxes)})
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for pixels, kind in ((np.asarray(sign.resize((60, 30))), 1), (np.asarray(sign), 0)):
            writer.write(pixels, photometric="rgb", subfiletype=kind)
    replace_picture(run, "a.tif", (tmp_path / "a.tif").read_bytes())
    folder = exported(run, "page", "uzn")
    for name in ("page", "uzn"):
        with Image.open(folder / name / "a.tif.png") as picture:
            assert picture.size == sign.size


def test_crops_have_the_background_that_the_run_had(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    glass = Image.new("RGBA", sign.size, (0, 0, 0, 0))
    run = make_run({"a.png": (glass, 1, boxes)})
    report = json.loads((run / "out" / "run.json").read_bytes())
    report["config"]["input"]["background"] = [1, 2, 3]
    (run / "out" / "run.json").write_text(json.dumps(report))
    with Image.open(exported(run, "crops") / "crops" / "a.png" / "0000.png") as crop:
        assert set(np.asarray(crop).reshape(-1, 3).tolist()[0]) == {1, 2, 3}


def test_a_run_named_by_a_relative_path_links_to_the_pictures_all_the_same(
    make_run: MakeRun,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = make_run({"s/a.png": (sign, 1, boxes)})
    monkeypatch.chdir(run)
    assert export(open_run(Path("out"), Path("pictures")), ["uzn", "page"]) == 0
    monkeypatch.chdir("/")
    with Image.open(run / "out" / "exports" / "uzn" / "s" / "a.png.png") as picture:
        assert picture.size == (240, 120)
    xml = (run / "out" / "exports" / "page" / "s" / "a.png.xml").read_text()
    assert 'imageFilename="../../../../pictures/s/a.png"' in xml


def test_a_link_of_before_is_replaced(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"a.png": (sign, 1, boxes)})
    exported(run, "uzn")
    (run / "pictures").rename(run / "moved")
    assert export(open_run(run / "out", run / "moved"), ["uzn"]) == 0
    link = run / "out" / "exports" / "uzn" / "a.png.png"
    assert link.readlink() == run / "moved" / "a.png"


def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"a.png": (sign, 1, boxes)}) / "out"
    (run / "exports" / "coco.json" / "a_folder").mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot be written"):
        export(open_run(run), ["coco"])
    assert not list((run / ".locpipe" / "tmp").iterdir())


def test_a_name_too_long_for_an_export_is_left_out_and_the_rest_goes_on(
    make_run: MakeRun,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    long = "l" * 244 + ".png"  # .json fits into 255 bytes, .upright.png does not
    run = make_run({long: (sign, 6, boxes), "b.png": (sign, 1, boxes)})
    assert export(open_run(run / "out"), ["uzn"]) == 1
    assert f"left out: '{long}.upright.png' would be 260 bytes long" in caplog.text
    files = {file.name for file in (run / "out" / "exports" / "uzn").iterdir()}
    assert files == {"b.png.png", "b.png.uzn"}
    assert (run / "out" / "exports" / "uzn.txt").read_text().count("\n") == 1


def test_nothing_half_written_stays_behind(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"a.png": (sign, 6, boxes)})
    exported(run, "uzn", "crops", "coco")
    assert list((run / "out" / ".locpipe" / "tmp").iterdir()) == []
