"""Lines of words to a flat coverage mask, with the place of every word."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .fonts import Face, open_face


@dataclass(frozen=True)
class Style:
    """How lines are set; lengths are in units of the em.

    `em` is the size in pixels of the flat frame. `tracking` is extra room between letters, `gap`
    the room between words, `leading` the distance of baselines. `align` is 0 for left, 0.5 for
    centred, 1 for right. With `vertical` the letters of a line stand below each other, and the
    first line is the rightmost column, as in Chinese.
    """

    face: Face
    em: int
    tracking: float
    gap: float
    leading: float
    align: float
    vertical: bool


@dataclass(frozen=True)
class FlatWord:
    """A word's ink, half-open in pixels of the flat frame."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    line: int


@dataclass(frozen=True)
class Typeset:
    """Coverage `mask` uint8 [h, w] and its words."""

    mask: NDArray[np.uint8]
    words: tuple[FlatWord, ...]


@dataclass(frozen=True)
class _Glyphs:
    """Ink of one word; `x`, `y` of its corner from the pen on the baseline."""

    ink: NDArray[np.uint8]
    x: int
    y: int
    advance: float


def _draw(text: str, font: ImageFont.FreeTypeFont) -> _Glyphs | None:
    left, top, right, bottom = map(int, font.getbbox(text, anchor="ls"))
    if right <= left or bottom <= top:
        return None
    canvas = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, fill=255, font=font, anchor="ls")
    ink = np.asarray(canvas)
    x, y, width, height = cv2.boundingRect(ink)
    if not width:
        return None
    crop = ink[y : y + height, x : x + width]
    return _Glyphs(crop, left - 1 + x, top - 1 + y, font.getlength(text))


def _join(pieces: list[tuple[_Glyphs, int, int]], advance: float) -> _Glyphs | None:
    """Several pieces of ink, each moved by its offset, as one."""
    if not pieces:
        return None
    left = min(g.x + dx for g, dx, _ in pieces)
    top = min(g.y + dy for g, _, dy in pieces)
    right = max(g.x + dx + g.ink.shape[1] for g, dx, _ in pieces)
    bottom = max(g.y + dy + g.ink.shape[0] for g, _, dy in pieces)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for glyphs, dx, dy in pieces:
        x, y = glyphs.x + dx - left, glyphs.y + dy - top
        window = ink[y : y + glyphs.ink.shape[0], x : x + glyphs.ink.shape[1]]
        np.maximum(window, glyphs.ink, out=window)
    return _Glyphs(ink, left, top, advance)


def _word(text: str, style: Style, font: ImageFont.FreeTypeFont) -> _Glyphs | None:
    if not style.tracking and not style.vertical:
        return _draw(text, font)
    pieces: list[tuple[_Glyphs, int, int]] = []
    pen = 0.0
    for letter in text:
        glyphs = _draw(letter, font)
        width = font.getlength(letter)
        if glyphs:
            centred = round((style.em - width) / 2)
            offset = (centred, round(pen)) if style.vertical else (round(pen), 0)
            pieces.append((glyphs, *offset))
        pen += (style.em if style.vertical else width) + style.tracking * style.em
    return _join(pieces, pen - style.tracking * style.em)


def typeset(lines: list[list[str]], style: Style) -> Typeset | None:
    """Set lines of words; the mask is cut to the ink. None if the font drew nothing at all."""
    joins = style.face.script is not None and style.face.script.joins
    font = open_face(style.face.path, style.em, joins=joins)
    placed: list[tuple[_Glyphs, float, float, str, int]] = []
    widths: list[float] = []
    for row, line in enumerate(lines):
        pen = 0.0
        for text in line:
            glyphs = _word(text, style, font)
            if glyphs is None:
                continue
            placed.append((glyphs, pen, row * style.leading * style.em, text, row))
            pen += glyphs.advance + (style.gap + style.tracking) * style.em
        widths.append(pen - style.gap * style.em)
    if not placed:
        return None
    room = max(widths)
    shifts = [style.align * (room - width) for width in widths]
    pieces = []
    for glyphs, pen, base, _, row in placed:
        along, across = round(pen + shifts[row]), round(base)
        pieces.append((glyphs, *((-across, along) if style.vertical else (along, across))))
    joined = _join(pieces, 0)
    assert joined is not None
    words = []
    for (glyphs, dx, dy), (*_, text, row) in zip(pieces, placed, strict=True):
        left, top = glyphs.x + dx - joined.x, glyphs.y + dy - joined.y
        height, width = glyphs.ink.shape
        words.append(FlatWord(left, top, left + width, top + height, text, row))
    return Typeset(joined.ink, tuple(words))
