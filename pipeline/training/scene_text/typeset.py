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

    Attributes:
        face: The font.
        em: Size in pixels of the flat frame.
        tracking: Extra room between letters.
        gap: Room between words.
        leading: From baseline to baseline.
        align: 0 left, 0.5 centred, 1 right.
        vertical: Letters of a word stand below each other (Chinese columns).
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
        _paste(ink, glyphs.ink, glyphs.x + dx - left, glyphs.y + dy - top)
    return _Glyphs(ink, left, top, advance)


def _paste(canvas: NDArray[np.uint8], ink: NDArray[np.uint8], x: int, y: int) -> None:
    window = canvas[y : y + ink.shape[0], x : x + ink.shape[1]]
    np.maximum(window, ink, out=window)


def _word(text: str, style: Style, font: ImageFont.FreeTypeFont) -> _Glyphs | None:
    if not style.tracking and not style.vertical:
        return _draw(text, font)
    pieces: list[tuple[_Glyphs, int, int]] = []
    pen = 0.0
    for letter in text:
        glyphs = _draw(letter, font)
        if glyphs and style.vertical:
            pieces.append((glyphs, 0, round(pen)))
        elif glyphs:
            pieces.append((glyphs, round(pen), 0))
        step = style.em if style.vertical else font.getlength(letter)
        pen += step + style.tracking * style.em
    return _join(pieces, style.em if style.vertical else pen - style.tracking * style.em)


def typeset(lines: list[list[str]], style: Style) -> Typeset | None:
    """Set lines of words.

    Returns:
        The mask, cut to the ink, and its words; None if the font drew nothing at all.
    """
    font = open_face(style.face.path, style.em)
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
    pieces = [
        (glyphs, round(pen + shifts[row]), round(base)) for glyphs, pen, base, _, row in placed
    ]
    return _assemble(pieces, [(text, row) for *_, text, row in placed])


def _assemble(pieces: list[tuple[_Glyphs, int, int]], names: list[tuple[str, int]]) -> Typeset:
    joined = _join(pieces, 0)
    assert joined is not None
    words = tuple(
        FlatWord(
            glyphs.x + dx - joined.x,
            glyphs.y + dy - joined.y,
            glyphs.x + dx - joined.x + glyphs.ink.shape[1],
            glyphs.y + dy - joined.y + glyphs.ink.shape[0],
            text,
            row,
        )
        for (glyphs, dx, dy), (text, row) in zip(pieces, names, strict=True)
    )
    return Typeset(joined.ink, words)
