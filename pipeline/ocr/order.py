"""Orders words by their letters: Hebrew and Arabic run to the left (Unicode UAX 9)."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import numpy as np
from bidi import get_display

from ...stages.geometry.box import Box
from ...stages.geometry.reading_order import reading_order
from ...stages.settings import Direction
from ..export.crops import quad_of
from ..export.lines import Reading
from ..output.box_json import Page

_RIGHT_TO_LEFT: Final = {"R", "AL"}
_DIGITS: Final = range(0x1D7CE, 0x1D800)
"""Characters that stand for numbers."""
_STAND_INS: Final = {"R": 0x10800, "L": 0x4E00}
"""The first of many characters of one direction."""


def as_read(
    page: Page,
    readings: Sequence[Reading],
    counting: Mapping[int, Reading],
    direction: Direction = "auto",
) -> tuple[Page, list[Reading]]:
    """Return a page and its readings in the order in which its text is read.

    If most letters of the readings that count run to the left, lines run to the left, and the
    columns are ordered from right to left. That holds for `boxes.direction: auto`; any other direction
    stays. Words in a line that run the other way are put in order too.
    """
    runs = [_direction(reading.text) for reading in counting.values()]
    boxes, order = page.boxes, list(range(len(page.boxes)))
    if "R" not in runs and all(box.direction != "rtl" for box in boxes):
        return page, list(readings)
    is_leftwards = direction == "auto" and runs.count("R") > runs.count("L")
    if is_leftwards and all(box.direction == "ltr" for box in boxes):
        corners = np.array([quad_of(box.polygon) for box in boxes])
        places = dict(reading_order(corners, "rtl").places())
        order = list(places)
        boxes = tuple(replace(box, **places[i]) for i, box in enumerate(boxes))
    texts = {i: reading.text for i, reading in counting.items()}
    lines = groupby(order, key=lambda index: boxes[index].line)
    order = [i for _, line in lines for i in _logical(list(line), boxes, texts)]
    documents = page.document["boxes"]
    document = {**page.document, "boxes": [_placed(documents[i], boxes[i]) for i in order]}
    in_order = tuple(boxes[i] for i in order)
    return replace(page, boxes=in_order, document=document), [readings[i] for i in order]


def _placed(document: Mapping[str, Any], box: Box) -> dict[str, Any]:
    place = {"line": box.line, "block": box.block, "direction": box.direction}
    return {**document, **place}


def _direction(text: str) -> str:
    """Return R or L, or N for text without letters."""
    classes = [unicodedata.bidirectional(character) for character in text]
    right = sum(one in _RIGHT_TO_LEFT for one in classes)
    left = classes.count("L")
    return "N" if right == left == 0 else "R" if right > left else "L"


def _logical(line: list[int], boxes: Sequence[Box], texts: Mapping[int, str]) -> list[int]:
    """Return the boxes of a line in the order of their text, by Unicode's algorithm.

    One character stands for each word. The algorithm maps the order of text to the order on the
    page. Applied again, it maps back.
    """
    runs = [_direction(texts.get(index, "")) for index in line]
    base = boxes[line[0]].direction
    if base == "ttb" or ("R" not in runs and base == "ltr"):
        return line
    from_left = line if base == "ltr" else line[::-1]
    of_character: dict[str, int] = {}
    for index in from_left:
        run = _direction(texts.get(index, ""))
        is_number = run == "N" and len(of_character) < len(_DIGITS)
        first = _DIGITS.start if is_number else _STAND_INS.get(run, _STAND_INS["L"])
        of_character[chr(first + len(of_character))] = index
    shown = get_display(" ".join(of_character), base_dir="L" if base == "ltr" else "R")
    return [of_character[character] for character in shown.split(" ")]
