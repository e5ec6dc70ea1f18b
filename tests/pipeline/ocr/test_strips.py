"""Lines cut out straight, and vertical text with its letters upright."""

import math
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from locpipe.pipeline.export.crops import cut
from locpipe.pipeline.export.lines import outline
from locpipe.pipeline.ocr.batches import Batches
from locpipe.pipeline.ocr.strips import strip_of, upright_letters
from locpipe.pipeline.ocr.tesseract import Tesseract
from locpipe.pipeline.ocr.units import joined, readings, sentence
from locpipe.stages.geometry.box import Box
from locpipe.stages.geometry.rectangles import smallest_rectangle
from locpipe.stages.settings import TextDirection

from .conftest import FONT, draw

Pixels = NDArray[np.uint8]
LINE = "The harbour office opens early today"


@cache
def engine() -> Tesseract:
    return Tesseract("eng")


def quad_box(corners: NDArray[np.float64], line: int = 0, direction: TextDirection = "ltr") -> Box:
    polygon = tuple((x, y) for x, y in corners.tolist())
    left, top = corners.min(axis=0).astype(int).tolist()
    right, bottom = corners.max(axis=0).astype(int).tolist()
    return Box("text", 0.9, polygon, (left, top, right, bottom), line, direction=direction)


def on_an_arc(radius: float) -> tuple[Pixels, list[Box]]:
    """A line of words, upright at its middle, along a circle of a radius in pixels, and their boxes."""
    straight, font = draw(LINE), ImageFont.truetype(str(FONT), 28)
    height, left = straight.shape[:2]
    starts = [14 + font.getlength(LINE[: LINE.index(word)]) for word in LINE.split()]
    ends = [(at - 4, at + 4 + font.getlength(word)) for at, word in zip(starts, LINE.split(), strict=True)]  # fmt: skip
    side = left + 2 * height
    x, y = np.meshgrid(np.arange(side) - side / 2, np.arange(side // 2) - 2 * height - radius)
    along = np.arctan2(x, -y) * radius + left / 2
    up = (radius - np.hypot(x, y)).astype(np.float32)
    page = cv2.remap(
        straight, along.astype(np.float32), up, cv2.INTER_LINEAR, borderValue=(235, 235, 235)
    )

    def at(position: float, down: float) -> tuple[float, float]:
        angle = (position - left / 2) / radius
        reach = radius - down
        return side / 2 + reach * math.sin(angle), 2 * height + radius - reach * math.cos(angle)

    boxes = []
    for start, end in ends:
        steps = np.linspace(start, end, 9)
        around = np.array([at(step, down) for step in steps for down in (0, height)])
        boxes.append(quad_box(smallest_rectangle(around)))
    return np.asarray(page, np.uint8), boxes


@pytest.mark.parametrize("radius", [300.0, 600.0])
def test_a_line_on_an_arc_reads_better_straightened_than_in_a_rectangle(radius: float) -> None:
    page, boxes = on_an_arc(radius)
    rectangle = cut(page, outline(boxes), padding=Tesseract.padding).pixels
    strip = strip_of(page, boxes, Tesseract.padding)
    assert len(strip.pixels) < 0.7 * len(rectangle)
    flat, straight = engine().read([rectangle, strip.pixels], 60)
    assert joined(straight).text == LINE
    assert len(set(joined(flat).text.split()) & set(LINE.split())) < 4
    assert [
        one.text for one in readings(Batches(engine(), 60), page, boxes, "line")
    ] == LINE.split()


def test_a_straight_line_stays_the_rectangle_around_it() -> None:
    page, boxes = on_an_arc(1e6)
    strip = strip_of(page, boxes, 0.15)
    assert np.array_equal(strip.pixels, cut(page, outline(boxes), padding=0.15).pixels)
    assert [last > first for first, last in strip.spans] == [True] * len(boxes)


def test_words_whose_boxes_are_tilted_do_not_tilt_their_line() -> None:
    page, boxes = on_an_arc(1e6)
    turn = np.deg2rad(3)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = [np.array(box.polygon) for box in boxes]
    tilted = [quad_box((one - one.mean(axis=0)) @ axes + one.mean(axis=0)) for one in corners]
    height = len(strip_of(page, boxes, 0.15).pixels)
    assert len(strip_of(page, tilted, 0.15).pixels) < 1.25 * height
    assert len(cut(page, outline(tilted), padding=0.15).pixels) > 1.5 * height


def stacked(text: str, size: int = 60) -> tuple[Pixels, list[Box]]:
    """Letters below each other, and the box of each that is no blank."""
    font = ImageFont.truetype(str(FONT), size)
    pitch = round(1.3 * size)
    page = Image.new("RGB", (3 * size, pitch * len(text) + size), (170, 30, 30))
    boxes = []
    for number, letter in enumerate(text):
        left, top, right, bottom = font.getbbox(letter)
        x, y = 1.5 * size - (left + right) / 2, size / 2 + pitch * number - top
        ImageDraw.Draw(page).text((x, y), letter, (250, 250, 230), font)
        edges = (x + left - 6, y + top - 6, x + right + 6, y + bottom + 6)
        corners = np.array([(edges[i], edges[j]) for i, j in ((0, 1), (2, 1), (2, 3), (0, 3))])
        if letter != " ":
            boxes.append(quad_box(corners, direction="ttb"))
    return np.asarray(page), boxes


def test_stacked_letters_are_read_as_the_words_that_they_make() -> None:
    page, boxes = stacked("HOTEL BAR")
    found = readings(Batches(engine(), 60), page, boxes, "line")
    assert sentence([one.text for one in found if one.text]) == "HOTEL BAR"
    assert [one.text for one in found if one.text] == ["HOTEL", "BAR"]


def test_a_column_in_one_box_is_read_too() -> None:
    page, boxes = stacked("HOTEL")
    corners = np.array([box.polygon for box in boxes]).reshape(-1, 2)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    column = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    (reading,) = readings(Batches(engine(), 60), page, [quad_box(column, direction="ttb")], "word")
    assert reading.text == "HOTEL"


def test_text_on_its_side_is_read_in_columns_too() -> None:
    """Such as the backs of books, whose boxes are columns as well."""
    page = np.ascontiguousarray(np.rot90(draw("market"), -1))
    height, width = page.shape[:2]
    column = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    (reading,) = readings(Batches(engine(), 60), page, [quad_box(column, direction="ttb")], "word")
    assert reading.text == "market"


@pytest.mark.parametrize("rows", [[], [(0, 100)], [(3, 40), (60, 99)]])
def test_any_column_has_upright_letters(rows: list[tuple[int, int]]) -> None:
    page = np.full((100, 30, 3), 200, np.uint8)
    for start, end in rows:
        page[start:end, 5:25] = 20
    column = np.array([(0, 0), (30, 0), (30, 100), (0, 100)], np.float64)
    strip = upright_letters(strip_of(page, [quad_box(column, direction="ttb")], 0.0))
    assert strip.pixels.dtype == np.uint8
    ((first, last),) = strip.spans
    assert 0 <= first < last <= strip.pixels.shape[1]


def test_chinese_and_japanese_words_are_joined_without_blanks() -> None:
    assert sentence(["日本", "語", "text", "文", "章。"]) == "日本語 text 文章。"
    assert sentence(["한국", "어"]) == "한국 어"
    assert sentence([]) == ""
