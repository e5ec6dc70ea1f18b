"""What an engine is given at a time, a box or all boxes of a line, and which text is whose."""

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
    """Return what an engine reads in each of the boxes of an upright page, uint8 [H, W, 3].

    Boxes of a line of which most is not read with it are read again, alone.
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
        # Detectors miss letters of columns, which are read with those around them.
        sure = engine.min_confidence if one[0].direction == "ttb" else math.inf
        found += assigned(words, strip.spans, sure)
    flat = [box for one in together for box in one]
    crops = [strip_of(rgb, [flat[i]], engine.padding).pixels for i in again]
    alone = map(joined, batches.read(crops))
    for i, reading in zip(again, alone, strict=True):
        found[i] = max(found[i], reading, key=lambda one: one.confidence)
    return found


def _unread(seen: Sequence[Seen], spans: Spans, sure: float) -> Iterator[int]:
    """Give the boxes of a strip of which words that are sure cover less than half."""
    for i, (left, right) in enumerate(spans):
        inside = (min(right, word.right) - max(left, word.left) for word in seen if word.confidence >= sure)  # fmt: skip
        if 2 * sum(max(0.0, share) for share in inside) < right - left:
            yield i


def _sureness(seen: Sequence[Seen]) -> float:
    """Letters that are rather right than wrong, less those that are rather wrong."""
    return sum(len(word.text) * (word.confidence - 0.5) for word in seen)


def groups(boxes: Sequence[Box], unit: Unit) -> list[tuple[Box, ...]]:
    """Return the boxes to read together: each one alone, or those of a line in reading order.

    `auto` puts together the boxes of lines that are straight, or follow a curve, and columns of vertical
    text: their boxes are often single letters.
    """
    lines = [tuple(of_line) for _, of_line in groupby(boxes, key=lambda box: box.line)]
    together = [unit == "line" or (unit == "auto" and _is_strip(line)) for line in lines]
    alone = [[(box,) for box in line] for line in lines]
    parts = zip(together, lines, alone, strict=True)
    return [one for is_one, line, boxes in parts for one in ([line] if is_one else boxes)]


def _is_strip(line: Sequence[Box]) -> bool:
    return len(line) == 1 or line[0].direction == "ttb" or is_level(line)


def assigned(seen: Sequence[Seen], spans: Spans, sure: float = math.inf) -> list[Reading]:
    """Return the text of each of the boxes of a strip; a word belongs where most of its width lies.

    Words outside all boxes are dropped, as Tesseract sees dashes in wide blanks. Those that are as sure as
    told go to the nearest box.
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
    """Return everything as one reading, as sure as its parts are on average."""
    if not seen:
        return Reading("", 0.0)
    mean = sum(word.confidence for word in seen) / len(seen)
    return Reading(sentence([word.text for word in seen]), mean)


def sentence(texts: Sequence[str]) -> str:
    """Return texts with blanks between them, but none between two Chinese or Japanese letters."""
    whole = ""
    for text in texts:
        is_close = whole and text and _is_wide(whole[-1]) and _is_wide(text[0])
        whole += text if is_close or not whole else f" {text}"
    return whole


def _is_wide(letter: str) -> bool:
    is_hangul = "\uac00" <= letter <= "\ud7a3"
    return unicodedata.east_asian_width(letter) in {"W", "F"} and not is_hangul
