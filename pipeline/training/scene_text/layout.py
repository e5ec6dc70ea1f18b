"""Paragraphs of words arranged on a flat block."""

from dataclasses import dataclass, replace

import numpy as np

from .chance import chance, log_uniform, normal, pick, uniform, weighted
from .fonts import Face, Fonts
from .typeset import Style, Typeset, typeset
from .words import Vocabulary, cjk_line, cjk_string

MOST_WORDS = 140  # of a document: more would cost time and teach little
MOST_CHARACTERS = 900  # of a Chinese document


@dataclass(frozen=True)
class Paragraph:
    """Lines of one size and ink, with their corner at (`x`, `y`) of the block."""

    typeset: Typeset
    em: int
    x: float
    y: float


@dataclass(frozen=True)
class Block:
    """Paragraphs that stand on one surface of `width` times `height` flat pixels."""

    paragraphs: tuple[Paragraph, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Writer:
    """Writes blocks; `cjk` is the share of them in Chinese characters."""

    fonts: Fonts
    vocabulary: Vocabulary
    cjk: float

    def sign(self, rng: np.random.Generator, em: float, parts: int) -> Block | None:
        """Some paragraphs of a few words, as on signs; `em` in flat pixels."""
        align = weighted(rng, (0.5, 0.0, 1.0), (0.55, 0.38, 0.07))
        made = []
        for part in range(parts):
            size = em if part == 0 else em * uniform(rng, 0.4, 1.1)
            made.append(self._few_words(rng, round(max(size, 8)), align))
        return _stack(made, align, [uniform(rng, 0.25, 0.8) for _ in made])

    def _few_words(
        self, rng: np.random.Generator, em: int, align: float
    ) -> tuple[Typeset | None, int]:
        lines = weighted(rng, (1, 2, 3, 4, 6), (0.55, 0.24, 0.11, 0.06, 0.04))
        if self.fonts.cjk and chance(rng, self.cjk):
            return self._chinese(rng, em, align, lines), em
        face = self.fonts.any_script(rng)
        counts = [
            weighted(rng, (1, 2, 3, 4, 6), (0.48, 0.27, 0.14, 0.07, 0.04)) for _ in range(lines)
        ]
        words = iter(self.vocabulary.tokens(rng, sum(counts), face))
        text = [[next(words) for _ in range(count)] for count in counts]
        return typeset(text, _style(rng, face, em, align)), em

    def _chinese(
        self, rng: np.random.Generator, em: int, align: float, lines: int
    ) -> Typeset | None:
        style = _style(rng, pick(rng, self.fonts.cjk), em, align, upright=chance(rng, 0.18))
        lines = 1 if style.vertical else min(lines, 3)
        return typeset([[cjk_string(rng)] for _ in range(lines)], style)

    def large(self, rng: np.random.Generator, em: float) -> Block | None:
        """One or two short words."""
        face = self.fonts.any_script(rng)
        words = self.vocabulary.tokens(rng, 1 + chance(rng, 0.35), face)
        style = _style(rng, face, round(em), 0.5)
        lines = [words] if chance(rng, 0.3) else [[word] for word in words]
        if self.fonts.cjk and chance(rng, self.cjk):
            style = _style(rng, pick(rng, self.fonts.cjk), round(em), 0.5)
            lines = [[cjk_string(rng)[:3]]]
        return _stack([(typeset(lines, style), round(em))], 0.5, [0])

    def symbols(self, rng: np.random.Generator, em: float) -> Block | None:
        """A pictogram or a short row of them: no text, although it looks like it."""
        if not self.fonts.symbols:
            return None
        face, drawable = pick(rng, self.fonts.symbols)
        count = weighted(rng, (1, 2, 3, 5), (0.7, 0.14, 0.1, 0.06))
        one = pick(rng, drawable)
        row = [one if chance(rng, 0.5) else pick(rng, drawable) for _ in range(count)]
        style = _style(rng, face, round(em), 0.5)
        return _stack([(typeset([row], style), round(em))], 0.5, [0])

    def document(
        self, rng: np.random.Generator, em: float, width: float, height: float
    ) -> Block | None:
        """A page, poster or receipt of about that size in flat pixels."""
        face = self.fonts.any_script(rng)
        align = weighted(rng, (0.0, 0.5, 1.0), (0.7, 0.25, 0.05))
        kind = weighted(rng, ("text", "receipt"), (0.75, 0.25))
        made: list[tuple[Typeset | None, int]] = []
        used, words = 0.0, 0
        while used < height and words < MOST_WORDS:
            title = chance(rng, 0.3)
            size = round(em * (uniform(rng, 1.2, 2.8) if title else 1))
            face = self.fonts.any_script(rng) if chance(rng, 0.25) else face
            lines = int(rng.integers(1, 3)) if title else int(rng.integers(1, 9))
            text = self._lines(rng, face, width / size, lines)
            if kind == "receipt" and not title:
                text = [[*line[:3], *self.vocabulary.tokens(rng, 1, face)] for line in text]
            style = _style(rng, face, size, align)
            made.append((typeset(text, style), size))
            used += (len(text) * style.leading + 0.6) * size
            words += sum(map(len, text))
        return _stack(made, align, [uniform(rng, 0.3, 1.2) for _ in made])

    def cjk_document(
        self, rng: np.random.Generator, em: float, width: float, height: float
    ) -> Block | None:
        """A page of Chinese or Japanese, in lines or in columns; each of them is one word."""
        if not self.fonts.cjk:
            return self.document(rng, em, width, height)
        upright = chance(rng, 0.5)
        face = pick(rng, self.fonts.cjk)
        leading = uniform(rng, 1.2, 2.0)
        size = round(em)
        along, across = (height, width) if upright else (width, height)
        most = max(2, int(along / size))
        lines = []
        rows = max(1, min(int(across / (leading * size)), MOST_CHARACTERS // most))
        for _ in range(rows):
            last = chance(rng, 0.2)  # of its paragraph, and shorter
            count = int(rng.integers(1, most + 1)) if last else most
            lines.append([cjk_line(rng, count)])
        tracking = uniform(rng, 0.0, 0.25) if chance(rng, 0.3) else 0.0
        style = Style(face, size, tracking, 0.5, leading, 0.0, upright)
        made: list[tuple[Typeset | None, int]] = [(typeset(lines, style), size)]
        if chance(rng, 0.3):
            large = round(em * uniform(rng, 1.3, 2.8))
            title = cjk_line(rng, int(rng.integers(1, max(2, int(width / large)) + 1)))
            level = replace(style, em=large, tracking=0.0, vertical=False)
            made.insert(0, (typeset([[title]], level), large))
        return _stack(made, 0.5, [uniform(rng, 0.4, 1.5) for _ in made])

    def _lines(
        self, rng: np.random.Generator, face: Face, room: float, count: int
    ) -> list[list[str]]:
        """Lines filled up to a width of `room` ems (a letter takes about half an em)."""
        words = self.vocabulary.tokens(rng, int(count * room / 2.4) + 1, face)
        lines: list[list[str]] = [[]]
        pen = 0.0
        for word in words:
            pen += 0.52 * len(word) + 0.3
            if pen > room and lines[-1]:
                lines.append([])
                pen = 0.52 * len(word)
            lines[-1].append(word)
        return lines[:count]


def _style(
    rng: np.random.Generator, face: Face, em: int, align: float, *, upright: bool = False
) -> Style:
    spaced = weighted(rng, ("no", "wide", "tight"), (0.72, 0.22, 0.06))
    tracking = {"no": 0.0, "wide": abs(normal(rng, 0.2)), "tight": -0.03}[spaced]
    if face.script and (face.script.joins or face.script.marks):
        tracking = 0.0  # such letters do not stand apart
    gap = uniform(rng, 0.21, 0.46) + max(0.9 * tracking, 0)
    return Style(face, em, tracking, gap, log_uniform(rng, 1.0, 1.6), align, upright)


def _stack(made: list[tuple[Typeset | None, int]], align: float, gaps: list[float]) -> Block | None:
    """Paragraphs below each other, `gaps` (in their own em) between them."""
    parts = [(done, em, gap) for (done, em), gap in zip(made, gaps, strict=True) if done]
    if not parts:
        return None
    width = max(done.mask.shape[1] for done, _, _ in parts)
    paragraphs, down = [], 0.0
    for done, em, gap in parts:
        x = round(align * (width - done.mask.shape[1]))
        paragraphs.append(Paragraph(done, em, x, round(down)))
        down += done.mask.shape[0] + gap * em
    last = paragraphs[-1]
    return Block(tuple(paragraphs), width, last.y + last.typeset.mask.shape[0])
