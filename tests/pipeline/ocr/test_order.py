"""Hebrew and Arabic words in the order of their text."""

import json
from dataclasses import replace

import pytest

from locpipe.pipeline.export.lines import Reading
from locpipe.pipeline.ocr.order import as_read
from locpipe.pipeline.output.box_json import Page, page_of
from locpipe.stages.settings import Direction

SHALOM, OLAM, BAYIT, DAVAR = "שלום", "עולם", "בית", "דבר"
SALAM, KITAB = "سلام", "كتاب"


def page(rows: list[list[str]], columns: int = 1) -> tuple[Page, list[Reading]]:
    """Words of 40 x 20 that stand on the page as they stand here, in columns 300 apart."""
    boxes, readings = [], []
    for column in range(columns):
        for row, words in enumerate(rows):
            for number, word in enumerate(words):
                x, y = 300 * column + 50 * number, 30 * row
                corners = [[x, y], [x + 40, y], [x + 40, y + 20], [x, y + 20]]
                box = {"label": "text", "score": 0.9, "rect": [x, y, x + 40, y + 20]}
                line = column * len(rows) + row
                boxes.append({**box, "polygon": corners, "line": line, "block": column})
                readings.append(Reading(f"{word}{column or ''}", 0.9))
    size = {"width": 2000, "height": 2000, "stored_width": 2000, "stored_height": 2000}
    image = {"path": "a.png", "page": 1, "exif_orientation": 1, "sha256": "1" * 64, **size}
    maker = {"model": "m", "model_sha256": "2" * 64, "config_sha256": "3" * 64}
    start = {"schema": "locpipe/boxes/2", "image": image, "made_by": maker, "labels": ["text"]}
    return page_of({**start, "boxes": boxes}, "here"), readings


def read(
    page: Page, readings: list[Reading], direction: Direction = "auto"
) -> tuple[Page, list[str]]:
    ordered, texts = as_read(page, readings, dict(enumerate(readings)), direction)
    return ordered, [reading.text for reading in texts]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ([OLAM, SHALOM], [SHALOM, OLAM]),
        (["1948", BAYIT], [BAYIT, "1948"]),
        ([OLAM, "New", "York", BAYIT, SHALOM], [SHALOM, BAYIT, "New", "York", OLAM]),
        ([KITAB, SALAM], [SALAM, KITAB]),
        (["١٩٤٨", KITAB], [KITAB, "١٩٤٨"]),
    ],
)
def test_words_of_a_hebrew_or_arabic_line_follow_each_other_to_the_left(
    shown: list[str], text: list[str]
) -> None:
    ordered, texts = read(*page([shown]))
    assert texts == text
    assert {box.direction for box in ordered.boxes} == {"rtl"}


def test_hebrew_in_an_english_line_keeps_its_own_order() -> None:
    ordered, texts = read(*page([["one", OLAM, SHALOM, "two", "three"]]))
    assert texts == ["one", SHALOM, OLAM, "two", "three"]
    assert {box.direction for box in ordered.boxes} == {"ltr"}


def test_columns_of_hebrew_follow_each_other_to_the_left() -> None:
    rows = [[BAYIT, SHALOM], [DAVAR, OLAM]] * 2
    ordered, texts = read(*page(rows, columns=2))
    assert texts == [
        f"{word}{column}" for column in ("1", "") for row in rows for word in row[::-1]
    ]
    assert [box.block for box in ordered.boxes] == 8 * [0] + 8 * [1]


def test_the_json_has_the_boxes_in_the_order_of_the_text() -> None:
    ordered, _ = read(*page([[OLAM, SHALOM]]))
    documents = ordered.document["boxes"]
    assert [box["rect"][0] for box in documents] == [50, 0]
    assert [(box["line"], box["direction"]) for box in documents] == [(0, "rtl"), (0, "rtl")]
    assert page_of(json.loads(json.dumps(dict(ordered.document))), "there").boxes == ordered.boxes


def test_an_english_page_stays_as_it_is() -> None:
    given, readings = page([["one", "two"], ["three"]])
    assert read(given, readings) == (given, ["one", "two", "three"])


def test_a_direction_that_was_asked_for_stays() -> None:
    given, readings = page([[SHALOM, OLAM]])
    boxes = tuple(replace(box, direction="rtl") for box in given.boxes)
    ordered, texts = read(replace(given, boxes=boxes), readings, "rtl")
    assert texts == [SHALOM, OLAM]
    assert ordered.boxes == boxes


def test_columns_stay_as_they_stand_where_ltr_was_asked_for() -> None:
    rows = [[BAYIT, SHALOM], [DAVAR, OLAM]]
    ordered, texts = read(*page(rows, columns=2), "ltr")
    first = [f"{word}{column}" for column in ("", "1") for row in rows for word in row[::-1]]
    assert texts == first
    assert {box.direction for box in ordered.boxes} == {"ltr"}


def test_english_keeps_its_own_order_where_rtl_was_asked_for() -> None:
    given, readings = page([["York", "New"], [OLAM]])
    boxes = tuple(replace(box, direction="rtl") for box in given.boxes)
    for some in (readings, readings[:2]):
        part = replace(given, boxes=boxes[: len(some)])
        _, texts = read(part, some, "rtl")
        assert texts[:2] == ["New", "York"]
