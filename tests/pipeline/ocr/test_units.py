"""Boxes read together, and whose text is whose."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.pipeline.export.crops import cut
from locpipe.pipeline.export.lines import Reading
from locpipe.pipeline.ocr.batches import Batches
from locpipe.pipeline.ocr.engine import Seen
from locpipe.pipeline.ocr.strips import Spans, strip_of
from locpipe.pipeline.ocr.tesseract import Tesseract
from locpipe.pipeline.ocr.units import assigned, groups, joined, readings
from locpipe.stages.geometry.box import Box
from locpipe.stages.load import load

from .conftest import place

SAMPLES = Path(__file__).resolve().parents[3] / "data" / "samples"
PAGE = np.zeros((400, 400, 3), np.uint8)


def box(left: float, right: float, line: int = 0, angle: float = 0.0) -> Box:
    """A box 20 pixels high from `left` to `right` on a line through (200, 200) at an angle."""
    along, down = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    corners = ((left, -10), (right, -10), (right, 10), (left, 10))
    polygon = tuple(
        (200 + x * along[0] + y * down[0], 200 + x * along[1] + y * down[1]) for x, y in corners
    )
    return Box("text", 0.9, polygon, (0, 0, 400, 400), line)


def spans_of(boxes: list[Box]) -> Spans:
    return strip_of(PAGE, boxes, 0.15).spans


def test_boxes_are_read_one_by_one_or_by_line() -> None:
    boxes = [box(0, 9), box(20, 30), box(0, 9, 1), box(0, 9, 2), box(20, 30, 2)]
    one, two, three, four, five = boxes
    assert groups(boxes, "word") == [(one,), (two,), (three,), (four,), (five,)]
    assert groups(boxes, "line") == [(one, two), (three,), (four, five)]
    assert groups([], "line") == groups([], "word") == groups([], "auto") == []


def test_auto_takes_lines_and_columns_and_each_box_that_stands_out_of_line() -> None:
    lines = [[box(20 * i, 20 * i + 15, line, angle=0.3) for i in range(3)] for line in range(3)]
    level = [one for line in lines for one in line]
    assert groups(level, "auto") == groups(level, "line") != groups(level, "word")
    crooked = [box(0, 60, 5), box(70, 130, 5, angle=0.25)]
    letters = [replace(one, direction="ttb") for one in crooked]
    assert groups(crooked, "auto") == groups(crooked, "word") != groups(crooked, "line")
    assert groups([*level, *crooked], "auto") == [*groups(level, "line"), *groups(crooked, "word")]
    assert groups(letters, "auto") == [tuple(letters)]


def test_auto_takes_a_line_that_follows_a_curve() -> None:
    def on_arc(turn: float) -> Box:
        along, out = (math.cos(turn), math.sin(turn)), (math.sin(turn), -math.cos(turn))
        corners = [(200 + r * out[0] + x * along[0], 400 + r * out[1] + x * along[1]) for r, x in ((210, -25), (210, 25), (190, 25), (190, -25))]  # fmt: skip
        return Box("text", 0.9, tuple(corners), (0, 0, 400, 400), 0)

    arc = [on_arc(turn) for turn in np.linspace(-0.6, 0.6, 5)]
    assert groups(arc, "auto") == [tuple(arc)]


class ShortSighted:
    """An engine that reads the first word of a line, and each word that stands alone."""

    version = language = "short-sighted"
    padding, min_confidence, places_words = 0.0, 0.5, True

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:  # noqa: ARG002 - of all engines
        return [[Seen(f"{crop.shape[1]}", 0.9, 0, min(40, crop.shape[1]))] for crop in crops]


def test_boxes_that_are_not_read_with_their_line_are_read_alone() -> None:
    boxes = [box(-100, -60), box(-40, 10), box(20, 90)]
    found = readings(Batches(ShortSighted(), 60), PAGE, boxes, "line")
    assert [reading.text for reading in found] == ["190", "50", "70"]


def test_sure_words_between_the_boxes_of_a_column_go_to_the_nearest() -> None:
    seen = [Seen("a", 0.9, 0, 40), Seen("b", 0.9, 50, 60), Seen("c", 0.3, 70, 80), Seen("d", 0.9, 85, 95)]  # fmt: skip
    spans = ((0.0, 40.0), (100.0, 140.0))
    assert [one.text for one in assigned(seen, spans)] == ["a", ""]
    assert [one.text for one in assigned(seen, spans, 0.6)] == ["a b", "d"]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_word_that_is_placed_over_others_goes_where_none_of_them_stands(
    *, backwards: bool
) -> None:
    """As Tesseract with jpn_vert places the first word of a column; in Hebrew it is on the right."""
    places = [(8, 464), (142, 200), (202, 380), (379, 429), (428, 470)]
    spans: Spans = (
        (9.0, 48.0),
        (66.0, 108.0),
        (127.0, 168.0),
        (182.0, 294.0),
        (363.0, 410.0),
        (414.0, 475.0),
    )
    if backwards:
        places = [(480 - right, 480 - left) for left, right in places]
        spans = tuple((480 - right, 480 - left) for left, right in spans)
    seen = [Seen(text, 0.9, *place) for text, place in zip("abcde", places, strict=True)]
    assert [one.text for one in assigned(seen, spans)] == ["", "a", "b", "c", "d", "e"]


def test_words_go_to_the_box_they_share_most_with() -> None:
    boxes = [box(-100, -40), box(0, 40), box(60, 100)]
    margin = 0.15 * 20
    seen = [
        Seen("in", 0.9, margin, margin + 20),
        Seen("the", 0.7, margin + 30, margin + 70),
        Seen("outside", 0.9, margin + 90, margin + 95),
        Seen("the", 0.8, margin + 95, margin + 101),
        Seen("most", 0.6, margin + 130, margin + 190),
    ]
    readings = assigned(seen, spans_of(boxes))
    assert [reading.text for reading in readings] == ["in the", "the", "most"]
    assert [reading.confidence for reading in readings] == pytest.approx([0.8, 0.8, 0.6])


def test_a_box_without_a_word_says_nothing() -> None:
    boxes = [box(-100, -40), box(0, 40)]
    assert assigned([], spans_of(boxes)) == [Reading("", 0.0)] * 2
    assert assigned([], spans_of(boxes[:1])) == [Reading("", 0.0)]


@given(
    st.lists(st.tuples(st.floats(12, 60), st.floats(4, 30)), min_size=1, max_size=4),
    st.floats(-math.pi, math.pi),
)
def test_at_any_angle_a_word_in_its_box_stays_in_it(
    sizes: list[tuple[float, float]], angle: float
) -> None:
    left, boxes, seen = -150.0, [], []
    for index, (width, gap) in enumerate(sizes):
        boxes.append(box(left, left + width, angle=angle))
        seen.append(Seen(str(index), 0.5, left + 150 + 3, left + 150 + 3 + width))
        left += width + gap
    texts = [reading.text for reading in assigned(seen, spans_of(boxes))]
    assert texts == [str(index) for index in range(len(boxes))]


def test_a_curved_box_that_is_a_line_by_itself_gets_all_of_it() -> None:
    x = np.array([0.0, 60, 120, 120, 60, 0]) + 100
    y = np.array([0.0, 20, 0, 25, 45, 25]) + 100
    curved = Box("text", 0.9, tuple(zip(x.tolist(), y.tolist(), strict=True)), (100, 100, 220, 145), 0)  # fmt: skip
    assert cut(PAGE, curved.polygon).curved
    seen = [Seen("a", 1, 0, 5), Seen("b", 0.5, 99, 120)]
    assert assigned(seen, spans_of([curved])) == [Reading("a b", 0.75)]


@given(st.lists(st.floats(0, 1), max_size=5))
def test_together_they_are_as_sure_as_on_average(confidences: list[float]) -> None:
    reading = joined([Seen("a", confidence, 0, 1) for confidence in confidences])
    assert reading.confidence == pytest.approx(np.mean(confidences or [0.0]))
    assert reading.text.split() == ["a"] * len(confidences)


def read_line(page: NDArray[np.uint8], boxes: list[Box]) -> list[str]:
    found = readings(Batches(Tesseract("eng"), 60), page, boxes, "line")
    return [reading.text.strip(" |") for reading in found]  # Tesseract takes an edge for a bar


def test_tesseract_reads_a_rendered_line_and_each_box_gets_its_word() -> None:
    page, places = place(["Open all day"])
    boxes = [
        Box("text", 0.9, ((left, top), (right, top), (right, bottom), (left, bottom)), rect, line)
        for rect, line in places
        for left, top, right, bottom in [rect]
    ]
    assert read_line(page, boxes) == ["Open", "all", "day"]


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("newspaper.png", slice(2, 5), ["AND", "FINE", "JEWELRY"]),
        ("telegraph_office.webp", slice(2, 4), ["Postal", "Telegraph"]),
    ],
)
def test_tesseract_reads_lines_of_photographs_the_second_slanted(
    name: str, rows: slice, words: list[str]
) -> None:
    page = load(SAMPLES / name).rgb
    truth = (SAMPLES / "gt" / name).with_suffix(".txt").read_text().splitlines()[rows]
    corners = [np.array(line.split(",")[:8], float).reshape(4, 2).tolist() for line in truth]
    boxes = [Box("text", 0.9, tuple((x, y) for x, y in polygon), (0, 0, 1, 1), 0) for polygon in corners]  # fmt: skip
    assert read_line(page, boxes) == words
