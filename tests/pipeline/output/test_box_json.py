"""The box JSON of a page whose boxes are drawn by hand: what is written is what is read."""

import copy
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema.validators import validator_for

from locpipe import __version__
from locpipe.pipeline.config.sections import OutputConfig
from locpipe.pipeline.output.atomic import write_json
from locpipe.pipeline.output.box_json import (
    READABLE,
    Maker,
    Page,
    box_document,
    page_of,
    page_of_result,
    read_kept,
    read_page,
)
from locpipe.pipeline.output.layout import result_path
from locpipe.stages.errors import ConfigError
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap
from locpipe.stages.load import Image
from locpipe.stages.localize import Result
from locpipe.stages.threshold import Mask

SQUARE = ((1.0, 2.0), (5.0, 2.0), (5.0, 6.25), (1.0, 6.25))
MAKER = Maker("m", "a" * 64, "b" * 64)
PAGE = Page(
    key="s/a.tif",
    page=3,
    width=20,
    height=10,
    exif_orientation=6,
    stored_width=10,
    stored_height=20,
    sha256="c" * 64,
    labels=("cat", "dog"),
    boxes=(Box("dog", 0.123456, SQUARE, (1, 2, 5, 7), line=4, block=2, direction="rtl"),),
    made_by=MAKER,
)
DOCUMENT: dict[str, Any] = {
    "schema": "locpipe/boxes/2",
    "image": {
        "path": "s/a.tif",
        "page": 3,
        "width": 20,
        "height": 10,
        "exif_orientation": 6,
        "stored_width": 10,
        "stored_height": 20,
        "sha256": "c" * 64,
    },
    "made_by": {
        "locpipe": __version__,
        "model": "m",
        "model_sha256": "a" * 64,
        "config_sha256": "b" * 64,
    },
    "labels": ["cat", "dog"],
    "boxes": [
        {
            "label": "dog",
            "score": 0.1235,
            "rect": [1, 2, 5, 7],
            "polygon": [[1, 2], [5, 2], [5, 6.25], [1, 6.25]],
            "line": 4,
            "block": 2,
            "direction": "rtl",
        }
    ],
}


def test_what_the_stages_found_is_a_page() -> None:
    values = np.zeros((2, 10, 20), np.float32)
    grid = Grid((10, 20), (1.0, 1.0), (0.5, 0.5), (20, 10))
    image = Image(np.zeros((10, 20, 3), np.uint8), Path("/in/a.tif"), 3, 4, 6, 10, 20)
    mask = Mask(values > 0, PAGE.labels, grid, (0.0,) * len(PAGE.labels))
    found = Result(image, Heatmap(values, PAGE.labels, grid), mask, Boxes(PAGE.boxes), {})
    assert page_of_result(found, "s/a.tif", "c" * 64, MAKER) == PAGE
    assert (PAGE.size, PAGE.stored_size, PAGE.name) == ((20, 10), (10, 20), "s/a.tif.page-3")


def test_a_document_says_what_was_found_and_where() -> None:
    assert box_document(PAGE) == DOCUMENT


def test_boxes_that_were_turned_away_are_counted() -> None:
    assert box_document(PAGE, filtered={"min_height": 3}) == {
        **DOCUMENT,
        "filtered": {"min_height": 3},
    }


def test_a_classified_box_has_a_class_and_how_probable_it_is() -> None:
    box = Box("dog", 0.5, SQUARE, (1, 2, 5, 7), class_="pug", probability=0.987654)
    (written,) = box_document(replace(PAGE, boxes=(box,)))["boxes"]
    assert (written["class"], written["probability"]) == ("pug", 0.9877)


@pytest.mark.parametrize(
    ("dropped", "warnings"),
    [(0, None), (2, ["kept the best 1 of 3 boxes; raise boxes.max to see all"])],
)
def test_boxes_that_were_dropped_are_told(dropped: int, warnings: list[str] | None) -> None:
    assert box_document(PAGE, dropped=dropped).get("warnings") == warnings


def test_what_was_written_is_read(tmp_path: Path) -> None:
    pug = Box("dog", 0.5, SQUARE, (1, 2, 5, 7), class_="pug", probability=0.9877)
    page = replace(PAGE, boxes=(pug, *PAGE.boxes[1:]))
    file = tmp_path / "a.json"
    file.write_text(json.dumps(box_document(page)))
    again = read_page(file)
    assert again == page
    assert again.document == json.loads(file.read_bytes())


def test_documents_of_locpipe_0_1_are_read() -> None:
    before = copy.deepcopy(DOCUMENT) | {"schema": "locpipe/boxes/1"}
    del before["made_by"]["locpipe"]
    page = page_of(before, "here")
    assert (page.made_by, page.made_by.locpipe) == (MAKER, "")
    assert page == page_of(DOCUMENT, "here")


@pytest.mark.parametrize("schema", ["locpipe/boxes/1", "locpipe/boxes/2"])
def test_keys_that_nobody_knows_are_ignored_and_not_lost(schema: str) -> None:
    later: Any = copy.deepcopy(DOCUMENT) | {"schema": schema, "later": 7}
    for part in (later["image"], later["made_by"], later["boxes"][0]):
        part["later"] = "down"
    page = page_of(later, "here")
    assert page == page_of(DOCUMENT, "here")
    assert page.document == later


def test_schema_2_has_room_for_later_keys_and_schema_1_has_not() -> None:
    def fits(document: dict[str, Any]) -> bool:
        name = document["schema"].removeprefix("locpipe/").replace("/", "-")
        schema = json.loads(
            files("locpipe.pipeline.output").joinpath(f"schemas/{name}.json").read_text()
        )
        return bool(validator_for(schema)(schema).is_valid(document))

    document: Any = copy.deepcopy(DOCUMENT)
    assert fits(document)
    for part in (document, document["image"], document["made_by"], document["boxes"][0]):
        part["later"] = 1
    assert fits(document)
    before: Any = copy.deepcopy(DOCUMENT) | {"schema": "locpipe/boxes/1"}
    assert not fits(before), "schema 1 knows no made_by.locpipe"
    del before["made_by"]["locpipe"]
    assert not fits(before), "nor blocks and directions"
    del before["boxes"][0]["block"], before["boxes"][0]["direction"]
    assert fits(before)


def test_names_that_are_no_utf8_survive() -> None:
    name = os.fsdecode(b"caf\xe9.png")
    document = json.loads(json.dumps(box_document(replace(PAGE, key=name, page=1))))
    assert os.fsencode(page_of(document, "here").name) == b"caf\xe9.png"


def without(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def damage(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return damage


def with_(value: object, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def damage(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return damage


POLYGON = ("boxes", 0, "polygon")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (with_("locpipe/boxes/9", "schema"), "is 'locpipe/boxes/9', this locpipe reads 'locpipe/boxes/1' and 'locpipe/boxes/2'; run again with this version into a new output"),
        (without("schema"), "is None, this locpipe reads"),
        (without("image"), "damaged (there is no image.path); remove it and run again"),
        (without("image", "path"), "damaged (there is no image.path)"),
        (without("image", "width"), "damaged (image.width: Field required); remove it and run again"),
        (without("made_by"), "made_by: Field required"),
        (with_(0, "image", "page"), "image.page: Input should be greater than or equal to 1"),
        (with_(9, "image", "exif_orientation"), "image.exif_orientation"),
        (with_([], "labels"), "labels"),
        (with_("box", "boxes", 0), "boxes.0"),
        (without("boxes", 0, "line"), "boxes.0.line: Field required"),
        (with_("0.5", "boxes", 0, "score"), "boxes.0.score: Input should be a valid number"),
        (with_([[1, 2], [3, 4]], *POLYGON), "boxes.0.polygon"),
        (with_([1, 2, 3, 4], *POLYGON), "boxes.0.polygon.0"),
        (with_([[1, 2, 0]] * 4, *POLYGON), "boxes.0.polygon.0: "),
        (with_([[1, float("nan")]] * 4, *POLYGON), "boxes.0.polygon.0.1"),
        (with_([[1, 2], [3]] * 2, *POLYGON), "boxes.0.polygon.1"),
    ],
)  # fmt: skip
def test_damage_is_named_with_its_file_and_what_to_do(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], told: str
) -> None:
    document = copy.deepcopy(DOCUMENT)
    damage(document)
    file = tmp_path / "a.jpg.json"
    file.write_text(json.dumps(document))
    with pytest.raises(ConfigError) as caught:
        read_page(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_other_files_are_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.jpg.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.jpg\.json: .*remove it and run again"):
        read_page(file)


@pytest.fixture
def output(tmp_path: Path) -> OutputConfig:
    """An output without masks, with the page in it."""
    (tmp_path / ".locpipe" / "tmp").mkdir(parents=True)
    page = replace(PAGE, page=1)
    write_json(tmp_path, result_path(tmp_path, "boxes", page.key, 1), box_document(page))
    return OutputConfig(path=tmp_path, masks=False)


def test_an_earlier_result_is_kept_as_long_as_all_its_files_are_there(output: OutputConfig) -> None:
    kept = read_kept(output, PAGE.key, 1)
    assert kept is not None
    assert (kept.made_by, kept.sha256) == (MAKER, PAGE.sha256)
    assert kept.made_by == replace(MAKER, locpipe="9.9"), "a later locpipe keeps it"
    assert kept.made_by != replace(MAKER, config_sha256="d" * 64)
    assert read_kept(output.model_copy(update={"masks": True}), PAGE.key, 1) is None
    assert read_kept(output, PAGE.key, 2) is None
    copied = result_path(output.path, "boxes", "copy.jpg", 1)
    shutil.copy(result_path(output.path, "boxes", PAGE.key, 1), copied)
    assert read_kept(output, "copy.jpg", 1) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "other"}', "[" * 100_000])
def test_a_damaged_or_foreign_result_is_not_kept(output: OutputConfig, content: str) -> None:
    file = result_path(output.path, "boxes", PAGE.key, 1)
    file.write_text(content)
    assert read_kept(output, PAGE.key, 1) is None
    for schema in READABLE:
        file.write_text(json.dumps({"schema": schema, "image": {"path": PAGE.key}, "boxes": []}))
        assert read_kept(output, PAGE.key, 1) is None
    file.unlink()  # as every box JSON that a test leaves behind must fit the schema
