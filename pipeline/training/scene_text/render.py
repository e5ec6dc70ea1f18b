"""Pictures with text, and the truth about it: index in, picture out.

background ─▶ distractors ─▶ blocks of text ─▶ camera ─▶ truth
"""

import numpy as np
from numpy.typing import NDArray

from .backgrounds import Backgrounds, find_photographs
from .camera import shoot
from .chance import chance, log_uniform, normal, uniform, weighted
from .colours import Colour, contrasting
from .distractors import THIN, scatter
from .fonts import find_fonts
from .ink import choose_ink, lay_ink
from .layout import Block, Paragraph, Writer
from .panels import Panel, choose_panel
from .place import Ground
from .pose import Arc, Pose, Wave, pose_at, rectangle, tilt
from .settings import RenderSettings
from .truth import RenderedWord, Rendering, judge, word_at
from .words import Vocabulary, read_words

PAGES = ("document", "cjk_document")
LEAST_EM = 8  # pixels: nobody reads less in a photograph


class Renderer:
    """Renders pictures of scene text.

    It reads fonts, words and the list of photographs once. It pickles with them, so that worker
    processes need not look for them again.

    Raises:
        ConfigError: No fonts, fonts without the glyphs, no words, or a folder that is missing.
    """

    def __init__(self, settings: RenderSettings) -> None:
        self.settings = settings
        vocabulary = Vocabulary(read_words(settings.words))
        self.writer = Writer(find_fonts(settings.fonts, settings.scripts), vocabulary, settings.cjk)
        kept_out = settings.backgrounds_keep_out_every
        photographs = find_photographs("backgrounds", settings.backgrounds, kept_out)
        self._backgrounds = Backgrounds(photographs, settings.width, settings.height)

    def render(self, index: int) -> Rendering:
        """Picture number `index` (0 or more): the same bytes in any process and any order.

        Raises:
            ImageError: A background does not open.
        """
        rng = np.random.default_rng([self.settings.seed, index])
        shares = self.settings.kinds.model_dump()
        kind = weighted(rng, list(shares), list(shares.values()))
        scene = _Scene(rng, self.settings, self.writer, self._backgrounds, kind)
        scene.write()
        return scene.photographed()


class _Scene:
    """One picture in the making."""

    def __init__(
        self,
        rng: np.random.Generator,
        settings: RenderSettings,
        writer: Writer,
        backgrounds: Backgrounds,
        kind: str,
    ) -> None:
        self.rng = rng
        self.settings = settings
        self.writer = writer
        self.kind = kind
        photograph = chance(rng, 0.5 if kind in PAGES else 0.85)
        self.rgb = backgrounds.photograph(rng) if photograph else backgrounds.surface(rng)
        if chance(rng, 0.45):
            scatter(self.rgb, rng, int(rng.integers(1, 4)))
        self.ground = Ground(self.rgb)
        self.ink = np.zeros(self.rgb.shape[:2], np.uint8)
        self.words: list[RenderedWord] = []
        self.lines = 0
        self.ems: list[float] = []
        self.roll = normal(rng, 0.05)

    def write(self) -> None:
        """Put the blocks of this kind of picture into it."""
        rng = self.rng
        if self.kind == "near":
            for _ in range(weighted(rng, (1, 2, 3, 4), (0.35, 0.3, 0.2, 0.15))):
                self._sign(self._em(24, 190))
        elif self.kind == "far":
            em = self._em(12, 40)
            for _ in range(int(rng.integers(3, 12))):
                self._sign(self._em(0.7 * em, 1.7 * em))
        elif self.kind in PAGES:
            self._document(self._em(12, 48))
        elif self.kind == "large":
            self._large(self._em(100, 1000))
        if chance(rng, 0.4):
            for _ in range(int(rng.integers(1, 5))):
                symbols = self.writer.symbols(rng, self._em(1, 200))
                self._stand(symbols, 1.0, panel=0.4, tries=5, text=False)
        if chance(rng, 0.05):  # wires, twigs and fences in front of the text
            scatter(self.rgb, rng, 1, THIN)

    def _em(self, low: float, high: float) -> float:
        """A size of letters from a range, as far as `text_height` allows."""
        low, high = np.clip((low, high), *self.settings.text_height).tolist()
        return log_uniform(self.rng, low, high)

    def _sign(self, em: float) -> None:
        rng = self.rng
        fine = 2 if em < 22 else 1  # small letters are drawn twice as large: hinting ruins them
        parts = weighted(rng, (1, 2, 3, 4), (0.74, 0.16, 0.06, 0.04))
        self._stand(self.writer.sign(rng, em * fine, parts), 1 / fine, panel=0.55, tries=9)

    def _large(self, em: float) -> None:
        self._stand(self.writer.large(self.rng, em), 1.0, panel=0.4, tries=3, fit=1.4)
        for _ in range(int(self.rng.integers(0, 3))):
            self._sign(self._em(1, 50))

    def _document(self, em: float) -> None:
        rng = self.rng
        fine = 2 if em < 16 else 1
        wide = self.settings.width * uniform(rng, 0.4, 1.1) * fine
        tall = self.settings.height * uniform(rng, 0.4, 1.0) * fine
        cjk = self.kind == "cjk_document"
        write = self.writer.cjk_document if cjk else self.writer.document
        block = write(rng, em * fine, wide, tall)
        self._stand(block, 1 / fine, panel=0.85, tries=2, fit=1.15)

    def _stand(
        self,
        block: Block | None,
        scale: float,
        *,
        panel: float,
        tries: int,
        fit: float = 0.96,
        text: bool = True,
    ) -> None:
        """Find a pose and a place for a block, then paint it; leave it out if there is no place."""
        if block is None:
            return
        has_panel = chance(self.rng, panel)
        pose = self._pose(block, scale)
        sign = choose_panel(self.rng, block, pose) if has_panel else None
        flat = sign.outline if sign else _around(block, pose)
        outline = Pose(pose.matrix).forward(flat)
        size = np.array([self.settings.width, self.settings.height])
        room = fit + 0.2 if sign else fit  # a sign may be cut, as in photographs
        shrink = min(1.0, float((room * size / np.ptp(outline, 0)).min()))
        if block.paragraphs[0].em * scale * shrink < LEAST_EM:
            return
        pose, outline = pose.scaled(shrink), outline * shrink
        place = self.ground.find(self.rng, outline, tries)
        if place:
            self.ground.take(outline + place)
            self._paint(block, pose.moved(*place), sign, text=text)

    def _pose(self, block: Block, scale: float) -> Pose:
        rng = self.rng
        turned = chance(rng, self.settings.any_angle)
        roll = uniform(rng, -np.pi, np.pi) if turned else self.roll + normal(rng, 0.04)
        strong = 0.55 if chance(rng, 0.3) else 0.18
        yaw, pitch = normal(rng, strong), normal(rng, strong * 0.6)
        focal = 1.4 * max(self.settings.width, block.width * scale)
        matrix = tilt(float(np.clip(yaw, -1, 1)), float(np.clip(pitch, -0.9, 0.9)), roll, focal)
        curve = self._curve(block) if chance(rng, self.settings.curved) else None
        return pose_at(matrix, block.width, block.height, scale, curve)

    def _curve(self, block: Block) -> Arc | Wave | None:
        rng, em = self.rng, block.paragraphs[0].em
        if block.width < 2.5 * em:
            return None
        if chance(rng, 0.35):
            length = block.width * uniform(rng, 0.8, 2.5)
            return Wave(length * uniform(rng, 0.02, 0.06), length, uniform(rng, 0, 6.28))
        least = max(block.width / 4.5, 1.8 * block.height)
        radius = log_uniform(rng, least, 4 * least)
        return Arc(block.width / 2, block.height / 2, radius if chance(rng, 0.65) else -radius)

    def _paint(self, block: Block, pose: Pose, sign: Panel | None, *, text: bool) -> None:
        rng = self.rng
        if sign:
            paper, colour = sign.paper, sign.ink
            sign.draw(self.rgb, pose, rng)
        else:
            paper = self._below(Pose(pose.matrix).forward(_around(block, pose)))
            faint = chance(rng, 0.2)
            least = uniform(rng, 22, 45) if faint else uniform(rng, 55, 160)
            colour = contrasting(rng, paper, least)
        for number, paragraph in enumerate(block.paragraphs):
            if number and chance(rng, 0.3):
                colour = contrasting(rng, paper, uniform(rng, 55, 150))
            em = paragraph.em * pose.scale(block.width, block.height)
            self._letters(paragraph, em, pose, colour, text=text)
            if text:
                self._truth(paragraph, pose)

    def _below(self, outline: NDArray[np.float64]) -> Colour:
        """Mean colour of the picture under an outline."""
        low = np.clip(outline.min(0), 0, (self.rgb.shape[1] - 2, self.rgb.shape[0] - 2)).astype(int)
        high = np.maximum(outline.max(0).astype(int), low + 1)
        part = self.rgb[low[1] : high[1] : 2, low[0] : high[0] : 2]
        return np.asarray(part.reshape(-1, 3).mean(0), np.float64)

    def _letters(
        self, paragraph: Paragraph, em: float, pose: Pose, colour: Colour, *, text: bool
    ) -> None:
        margin, size = int(2 + 0.2 * em), (self.settings.width, self.settings.height)
        patch = pose.cover(paragraph.typeset.mask, paragraph.x, paragraph.y, margin, size)
        if patch is None:
            return
        cover = lay_ink(self.rgb, patch, choose_ink(self.rng, colour, em), em, self.rng)
        if text:
            window = self.ink[patch.window]
            np.maximum(window, cover, out=window)
            self.ems.append(em)

    def _truth(self, paragraph: Paragraph, pose: Pose) -> None:
        for flat in paragraph.typeset.words:
            line = self.lines + flat.line
            self.words.append(word_at(flat, paragraph.x, paragraph.y, pose, line))
        self.lines += 1 + max(flat.line for flat in paragraph.typeset.words)

    def photographed(self) -> Rendering:
        """The finished picture and its truth."""
        most_blur = 0.4 + 0.09 * float(np.quantile(self.ems or [60], 0.25))
        shot = shoot(self.rgb, self.rng, most_blur)
        return Rendering(shot.rgb, judge(shot, self.ink, self.words), self.ink)


def _around(block: Block, pose: Pose) -> NDArray[np.float64]:
    """Outline [n, 2] in the bent frame of a block and a little room around it."""
    pad = 0.15 * block.paragraphs[0].em
    (left, top), (right, bottom) = pose.bounds(block.width, block.height)
    return rectangle(left - pad, top - pad, right + pad, bottom + pad, 8)
