"""What all formats have in common: any name, any label, no box, and the same bytes every time."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from lxml import etree
from PIL import Image
from run_fixtures import Export, MakeRun

from locpipe.pipeline.config.exports import EXPORTS, ExportFormat
from locpipe.pipeline.export.formats import format_named, remove
from locpipe.pipeline.export.write import export
from locpipe.pipeline.output.archive import open_run

Tree = Callable[[Path], dict[str, bytes]]
GOLDEN = Path(__file__).parent / "golden"
NAMES = [
    "a & <b> \"q\" 'z'.png",
    "new\nline.png",
    "tab\t.png",
    "ctrl\x01.png",
    " blank .png",
    "中文 ü.png",
    "back\\slash.png",
    "dots.b.c.PNG",
    "a.png/inside a folder.png",
    os.fsdecode(b"no utf8 \xff/\xfe.png"),
]


def test_config_and_command_know_the_same_formats() -> None:
    assert get_args(ExportFormat) == tuple(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
def test_every_format_says_its_frame_and_has_a_module(name: str) -> None:
    assert any(frame in EXPORTS[name] for frame in ("upright", "as stored"))
    assert callable(format_named(name).files)


def test_any_name_and_label_is_exported_and_xml_is_read_back(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    folder = exported(make_run(dict.fromkeys(NAMES, (sign, 1, boxes))), *EXPORTS)
    for name in EXPORTS:
        for key in NAMES:
            format_ = format_named(name)
            files = format_.last_file(key), *format_.names(key, key)
            assert any((folder / name / file).is_file() for file in files)
    for file in [*folder.rglob("*.xml"), *folder.rglob("*.hocr")]:
        etree.parse(os.fsencode(file))
    for file in folder.rglob("*.json*"):
        for line in file.read_text("ascii").splitlines() if file.suffix == ".jsonl" else [file.read_text("ascii")]:  # fmt: skip
            json.loads(line)


@pytest.mark.parametrize("name", ["page", "alto", "hocr"])
def test_every_picture_can_be_opened_by_the_name_in_the_markup(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]], name: str
) -> None:
    made = dict.fromkeys(NAMES, (sign, 1, boxes)) | {"turned.tif": (sign, 8, boxes)}
    folder = exported(make_run(made), name) / name
    for key in made:
        file = folder / format_named(name).last_file(key)
        text: Any = etree.parse(os.fsencode(file))
        (named,) = text.xpath(
            "//@imageFilename | //*[local-name()='fileName']/text() | //*[@class='ocr_page']/@title"
        )
        named = named.split('"')[1] if name == "hocr" else named
        with Image.open(os.fsencode(file.parent / named)) as picture:
            assert picture.size == (240, 120)


def test_a_picture_without_a_box_has_its_files(
    make_run: MakeRun, exported: Export, sign: Image.Image
) -> None:
    folder = exported(make_run({"a.png": (sign, 1, [])}), *EXPORTS)
    for name in set(EXPORTS) - {"uzn"}:
        stem = "a" if format_named(name).by_stem else "a.png"
        assert (folder / name / format_named(name).last_file(stem)).is_file()
    assert not list((folder / "uzn").iterdir())
    assert (folder / "icdar" / "a.png.txt").read_bytes() == b""
    assert json.loads((folder / "coco.json").read_bytes())["annotations"] == []


@pytest.mark.parametrize("schema", ["locpipe/boxes/1", "locpipe/boxes/2"])
def test_results_of_other_versions_are_exported_alike(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    tree: Tree,
    schema: str,
) -> None:
    """Of 0.1.0, and of one to come with keys that nobody knows yet."""
    run = make_run({"a.png": (sign, 1, boxes)})
    expected = tree(exported(run, *EXPORTS))
    file = run / "out" / "boxes" / "a.png.json"
    document = json.loads(file.read_bytes()) | {"schema": schema}
    if schema == "locpipe/boxes/1":
        del document["made_by"]["locpipe"]
    else:
        for part in (document, document["image"], document["made_by"], *document["boxes"]):
            part["later"] = {"more": 1}
    file.write_text(json.dumps(document))
    assert tree(exported(run, *EXPORTS)) == expected


def test_the_same_run_gives_the_same_bytes_and_golden_ones(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    tree: Tree,
) -> None:
    """PNGs are left out of what is golden: libraries compress differently."""
    run = make_run({"a.png": (sign, 1, boxes), "b/c.jpg": (sign, 6, boxes), "d.png": (sign, 1, [])})
    first = tree(exported(run, *EXPORTS))
    assert tree(exported(run, *EXPORTS)) == first
    text = {
        name: content.replace(os.fsencode(run), b"RUN")
        for name, content in first.items()
        if Path(name).suffix not in {".png", ".jpg"}
    }
    if os.environ.get("LOCPIPE_GOLDEN") == "write":
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for name, content in text.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_bytes(content)
    assert text == tree(GOLDEN)


def test_a_second_export_leaves_nothing_of_the_first(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]], tree: Tree
) -> None:
    run = make_run({"a.png": (sign, 1, boxes)})
    export(open_run(run / "out"), EXPORTS)
    make_run({"a.png": (sign, 1, [])})
    export(open_run(run / "out"), EXPORTS)
    left = tree(run / "out" / "exports")
    assert not [name for name in left if name.startswith(("uzn/", "crops/a.png/0"))]


def test_what_is_there_is_left_alone_where_only_the_missing_is_asked_for(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]], tree: Tree
) -> None:
    run = make_run({"a.png": (sign, 1, boxes), "b.png": (sign, 1, boxes)})
    folder = exported(run, *EXPORTS)
    whole = tree(folder)
    remove(run / "out", "b.png", "b.png")
    times = {file: file.lstat().st_mtime_ns for file in folder.rglob("a.png*")}
    (run / "pictures" / "a.png").unlink()
    assert export(open_run(run / "out"), EXPORTS, only_missing=True) == 0
    assert {file: file.lstat().st_mtime_ns for file in folder.rglob("a.png*")} == times
    assert tree(folder) == {name: whole[name] for name in whole if name != "uzn/a.png.png"}


def test_removing_a_page_leaves_those_of_like_names(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run(dict.fromkeys(["a.png", "a.png.jpg", "a.jpg"], (sign, 6, boxes)))
    folder = exported(run, *EXPORTS)
    remove(run / "out", "a.png", "a.png")
    for name in EXPORTS:
        assert not (folder / name / format_named(name).last_file("a.png")).exists()
        assert (folder / name / format_named(name).last_file("a.png.jpg")).exists()
        assert (folder / name / format_named(name).last_file("a.jpg")).exists()


def test_pictures_that_moved_or_changed_are_left_out_everywhere(
    make_run: MakeRun,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = make_run(dict.fromkeys(["a.png", "b.png", "c.png"], (sign, 1, boxes)))
    (run / "pictures" / "a.png").unlink()
    (run / "pictures" / "c.png").write_bytes(b"other")
    assert export(open_run(run / "out"), EXPORTS) == 2
    assert "left out: 'a.png': is no longer at" in caplog.text
    assert "left out: 'c.png': was changed since the run" in caplog.text
    folder = run / "out" / "exports"
    names = [
        image["file_name"] for image in json.loads((folder / "coco.json").read_bytes())["images"]
    ]
    assert names == ["b.png"]
    assert not [*folder.rglob("a.png*"), *folder.rglob("c.png*")]
