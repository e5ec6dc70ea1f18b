"""Gives an engine a box or a line at a time, and assigns the text to boxes."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ...stages.geometry.box import Box
from ..export.lines import Reading
from .batches import Batches
from .engine import Seen
from .settings import Unit
from .strips import Spans, is_level, strip_of, upright_letters


def readings(
    batches: Batches, rgb: NDArray[np.uint8], boxes: Sequence[Box], unit: Unit
) -> list[Reading]:
    """Return the reading of each box of an upright page, uint8 [H, W, 3].

    Boxes that are mostly unread after their line was read are read again, alone.
    """
    engine = batches.engine
    together = groups(boxes, unit if engine.places_words else "word")
    strips = [strip_of(rgb, one, engine.padding) for one in together]
    vertical = [i for i, one in enumerate(together) if one[0].direction == "ttb"]
    upright = [upright_letters(strips[i]) for i in vertical]
    pixels = [strip.pixels for strip in (*strips, *upright)]
    seen = batches.read(pixels)
    for i, strip, words in zip(vertical, upright, seen[len(strips) :], strict=True):
        if _sureness(words) > _sureness(seen[i]):
            seen[i], strips[i] = words, strip
    rows = zip(seen[: len(strips)], strips, together, strict=True)
    found: list[Reading] = []
    again: list[int] = []
    for words, strip, one in rows:
        if one[0].direction != "ttb" and len(one) > 1:
            again += [len(found) + i for i in _unread(words, strip.spans, engine.min_confidence)]
        # Detectors miss letters of columns. These are read with the letters around them.
        sure = engine.min_confidence if one[0].direction == "ttb" else math.inf
        found += assigned(words, strip.spans, sure)
    flat = [box for one in together for box in one]
    crops = [strip_of(rgb, [flat[i]], engine.padding).pixels for i in again]
    alone = map(joined, batches.read(crops))
    for i, reading in zip(again, alone, strict=True):
        found[i] = max(found[i], reading, key=lambda one: one.confidence)
    return found


def _unread(seen: Sequence[Seen], spans: Spans, sure: float) -> Iterator[int]:
    """Yield the boxes of a strip of which sure words cover less than half."""
    for i, (left, right) in enumerate(spans):
        inside = (min(right, word.right) - max(left, word.left) for word in seen if word.confidence >= sure)  # fmt: skip
        if 2 * sum(max(0.0, share) for share in inside) < right - left:
            yield i


def _sureness(seen: Sequence[Seen]) -> float:
    """Return the number of letters that are probably right minus the others."""
    return sum(len(word.text) * (word.confidence - 0.5) for word in seen)


def groups(boxes: Sequence[Box], unit: Unit) -> list[tuple[Box, ...]]:
    """Return the groups of boxes to read together: single boxes, or lines in reading order.

    `auto` joins the boxes of straight and curved lines, and of columns of vertical text, whose
    boxes are often single letters.
    """
    lines = [tuple(of_line) for _, of_line in groupby(boxes, key=lambda box: box.line)]
    together = [unit == "line" or (unit == "auto" and _is_strip(line)) for line in lines]
    alone = [[(box,) for box in line] for line in lines]
    parts = zip(together, lines, alone, strict=True)
    return [one for is_one, line, boxes in parts for one in ([line] if is_one else boxes)]


def _is_strip(line: Sequence[Box]) -> bool:
    return len(line) == 1 or line[0].direction == "ttb" or is_level(line)


def assigned(seen: Sequence[Seen], spans: Spans, sure: float = math.inf) -> list[Reading]:
    """Return the text of each box of a strip. A word belongs to the box with most of its width.

    Words outside all boxes are dropped: Tesseract sees dashes in wide blanks. Words with a
    confidence of at least `sure` go to the nearest box.
    """
    if len(spans) == 1:
        return [joined(seen)]
    of_box: list[list[Seen]] = [[] for _ in spans]
    for word in _apart(seen):
        shared = [min(right, word.right) - max(left, word.left) for left, right in spans]
        if max(shared) > 0 or word.confidence >= sure:
            of_box[shared.index(max(shared))].append(word)
    return [joined(words) for words in of_box]


def _apart(seen: Sequence[Seen]) -> Iterator[Seen]:
    """Give words, each where no narrower one stands in it.

    Tesseract may place the first word of a column over all of it.
    """
    for word in seen:
        free: list[tuple[float, float, float]] = []
        at = word.left
        for one in sorted((one for one in seen if _is_within(one, word)), key=lambda one: one.left):
            free.append((one.left - at, at, one.left))
            at = max(at, one.right)
        length, left, right = max([*free, (word.right - at, at, word.right)])
        yield replace(word, left=left, right=right) if length > 0 else word


def _is_within(one: Seen, other: Seen) -> bool:
    is_narrower = one.right - one.left < other.right - other.left
    return is_narrower and other.left < (one.left + one.right) / 2 < other.right


def joined(seen: Sequence[Seen]) -> Reading:
    """Return all texts as one reading, with their mean confidence."""
    if not seen:
        return Reading("", 0.0)
    mean = sum(word.confidence for word in seen) / len(seen)
    return Reading(sentence([word.text for word in seen]), mean)


def sentence(texts: Sequence[str]) -> str:
    """Join texts with blanks, but without one between two Chinese or Japanese letters."""
    whole = ""
    for text in texts:
        is_close = whole and text and _is_wide(whole[-1]) and _is_wide(text[0])
        whole += text if is_close or not whole else f" {text}"
    return whole


def _is_wide(letter: str) -> bool:
    is_hangul = "\uac00" <= letter <= "\ud7a3"
    return unicodedata.east_asian_width(letter) in {"W", "F"} and not is_hangul
