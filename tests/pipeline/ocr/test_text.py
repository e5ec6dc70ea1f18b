"""What a page of readings becomes."""

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.export.lines import Reading
from locpipe.pipeline.ocr.text import SUFFIXES, PageText, files, sha256_of_boxes
from locpipe.pipeline.output.box_json import Page, page_of

MAKER = {"engine": "some 1", "language": "eng", "read_sha256": "0" * 64}
FOLDER = Path("/run/read")
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


def page(lines: list[int], key: str = "signs/a.jpg") -> Page:
    """A page with boxes side by side, in lines of these numbers."""
    boxes = [
        {
            "label": "text",
            "score": 0.9,
            "rect": [20 * i, 20 * line, 20 * i + 15, 20 * line + 10],
            "polygon": [
                [20 * i + x, 20 * line + y] for x, y in ((0, 0), (15, 0), (15, 10), (0, 10))
            ],
            "line": line,
        }
        for i, line in enumerate(lines)
    ]
    size = {"width": 2000, "height": 2000, "stored_width": 2000, "stored_height": 2000}
    image = {"path": key, "page": 1, "exif_orientation": 1, "sha256": "1" * 64, **size}
    maker = {"model": "m", "model_sha256": "2" * 64, "config_sha256": "3" * 64}
    start = {"schema": "locpipe/boxes/1", "image": image, "made_by": maker}
    return page_of({**start, "labels": ["text"], "boxes": boxes}, "here")


def contents(text: PageText, picture: str = "/photos/signs/a.jpg") -> dict[str, bytes]:
    maker = {**MAKER, "boxes_sha256": sha256_of_boxes(text.page)}
    return files(text, Path(picture), FOLDER, maker)


def test_lines_are_joined_in_reading_order_without_what_does_not_count() -> None:
    readings = [Reading("one", 0.9), Reading("two", 0.2), Reading("", 0.0), Reading("three", 0.7)]
    text = PageText(page([0, 0, 0, 1]), readings, 0.5)
    assert text.text == "one\nthree\n"
    first, second = text.lines
    assert (first.text, first.confidence, first.boxes) == ("one", 0.9, (0, 1, 2))
    assert (second.text, second.confidence, second.boxes) == ("three", 0.7, (3,))


def test_the_confidence_of_a_line_is_the_mean_of_what_counts() -> None:
    (line,) = PageText(page([4, 4]), [Reading("a", 0.6), Reading("b", 0.8)], 0.5).lines
    assert line.text == "a b"
    assert line.confidence == pytest.approx(0.7)


def test_the_json_comes_last_for_it_vouches_for_the_others() -> None:
    made = contents(PageText(page([0]), [Reading("one", 0.9)], 0.5))
    assert list(made) == [f"signs/a.jpg{end}" for end in SUFFIXES]
    assert SUFFIXES[-1] == ".json"


def test_characters_that_xml_forbids_are_replaced_there_and_kept_in_the_json() -> None:
    said = 'a\x0bb <&"> \ufffe'
    made = contents(PageText(page([0]), [Reading(said, 0.9)], 0.5))
    (word,) = ET.fromstring(made["signs/a.jpg.xml"]).iter(f"{ALTO}String")
    assert word.get("CONTENT") == 'a\ufffdb <&"> \ufffd'
    assert 'a\ufffdb <&"> \ufffd' in "".join(ET.fromstring(_html(made)).itertext())
    assert json.loads(made["signs/a.jpg.json"])["boxes"][0]["text"] == said


def _html(made: dict[str, bytes]) -> bytes:
    """The hOCR without its document type, which names a file of the web."""
    return b"<html" + made["signs/a.jpg.hocr"].partition(b"<html")[2]


@pytest.mark.parametrize("name", ['a"b.jpg', "a\\b.jpg", "a\udcffb.jpg", "a\x01b.jpg"])
def test_a_picture_whose_name_does_not_fit_is_named_by_its_hash(name: str) -> None:
    made = contents(PageText(page([0], name), [Reading("one", 0.9)], 0.5), f"/photos/{name}")
    alto = ET.fromstring(made[f"{name}.xml"])
    assert alto.findtext(f".//{ALTO}fileName") == "1" * 64
    assert ("1" * 64).encode() in made[f"{name}.hocr"]


def test_a_page_without_boxes_is_an_empty_text() -> None:
    made = contents(PageText(page([]), [], 0.5))
    assert made["signs/a.jpg.txt"] == b""
    assert json.loads(made["signs/a.jpg.json"])["lines"] == []


@given(st.lists(st.text(max_size=8), max_size=5), st.floats(0, 1))
def test_any_text_makes_files_that_parse(texts: list[str], least: float) -> None:
    readings = [Reading(text, 0.5) for text in texts]
    made = contents(PageText(page([0] * len(texts)), readings, least))
    ET.fromstring(made["signs/a.jpg.xml"])
    ET.fromstring(_html(made))
    document = json.loads(made["signs/a.jpg.json"])
    assert [box["text"] for box in document["boxes"]] == texts
    counting = [bool(text) and least <= 0.5 for text in texts]
    assert [box["counts"] for box in document["boxes"]] == counting


def test_the_hash_of_boxes_depends_on_them_and_not_on_the_order_of_keys() -> None:
    one = page([0, 0])
    turned = page_of(dict(reversed(list(one.document.items()))), "here")
    assert sha256_of_boxes(one) == sha256_of_boxes(turned)
    assert sha256_of_boxes(one) != sha256_of_boxes(page([0, 1]))


def test_keys_of_boxes_that_nobody_knows_are_in_what_is_read() -> None:
    document: Any = copy.deepcopy(dict(page([0, 0]).document))
    document["boxes"][1]["later"] = "down"
    text = PageText(page_of(document, "here"), [Reading("one", 0.9), Reading("two", 0.9)], 0.5)
    written = json.loads(contents(text)["signs/a.jpg.json"])
    assert [box.get("later") for box in written["boxes"]] == [None, "down"]
