"""Counts found letters that are large, single, far apart, stacked, dotted or on a ring.

    python benchmarks/hard_letters.py --cases cases

Every kind is drawn by this program, by fonts that no training has seen: Aileron, which comes with
Pillow, and Computer Modern, which comes with Matplotlib. Each picture is shown once, with all passes. The
boxes before are those without the coarse passes (`infer.coarse: none`). A word or column is found if a box
has an IoU of 0.5 with it, a letter if boxes cover half of it. With --cases, pictures in folders below
are listed too, with their boxes before and after. Writes benchmarks/results/hard_letters.md and .json.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import matplotlib as mpl
import numpy as np
import shapely
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont
from tqdm import tqdm

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.geometry.box import Box
from locpipe.stages.load import Image, load
from locpipe.stages.localize import features_of, localize_image, weighed_at_once
from locpipe.stages.models.loading import Model, find_model, load_model

RESULTS = Path(__file__).parent / "results"
SIZES = (8, 16, 32, 64, 128, 250, 400, 700, 1000)
WORDS = ("HARBOUR", "Kiosk", "PLATZ", "Bridge", "MUSEUM", "Exit", "ROUTE", "Gate")
LETTERS = "ABDEGHKMNPRSTXZ24579"
SPACING = {"half an em apart": 0.5, "an em apart": 1.0}
FOUND = 0.5

Rng = np.random.Generator
Rect = tuple[float, float, float, float]


@dataclass
class Drawn:
    """A picture, and what is on it: left, top, right, bottom of letters, and of wholes."""

    canvas: Canvas.Image
    ink: tuple[int, int, int]
    letters: list[Rect] = field(default_factory=list)
    wholes: list[Rect] = field(default_factory=list)

    def put(self, text: str, font: ImageFont.FreeTypeFont, left: float, top: float) -> Rect:
        """Draw a text with the left top of its ink there."""
        x, y, right, bottom = font.getbbox(text)
        ImageDraw.Draw(self.canvas).text((left - x, top - y), text, self.ink, font)
        return left, top, left + right - x, top + bottom - y


def font_of(rng: Rng, capitals: float) -> ImageFont.FreeTypeFont:
    """Return a font whose capitals are about so many pixels high."""
    folder = Path(mpl.get_data_path(), "fonts", "ttf")
    names = (None, "cmb10.ttf", "cmss10.ttf", None)
    name = names[int(rng.integers(len(names)))]
    size = capitals / 0.69
    if name is None:
        aileron = ImageFont.load_default(size)
        assert isinstance(aileron, ImageFont.FreeTypeFont)
        return aileron
    return ImageFont.truetype(str(folder / name), size)


def blank(rng: Rng, width: float, height: float) -> Drawn:
    """Return paper of a colour with the noise of a camera, and ink that stands out from it."""
    light, dark = rng.integers(170, 250, 3), rng.integers(0, 80, 3)
    paper, ink = (light, dark) if rng.random() < 0.7 else (dark, light)
    noise = rng.normal(0, 4, (math.ceil(height), math.ceil(width), 1))
    pixels = (paper + noise).clip(0, 255).astype(np.uint8)
    red, green, blue = ink.tolist()
    return Drawn(Canvas.fromarray(pixels), (red, green, blue))


def word(rng: Rng, capitals: int) -> Drawn:
    """Draw one word of a size; of the largest, as many letters as a picture holds."""
    text = str(rng.choice(WORDS))[: 2 if capitals >= 400 else None]
    font = font_of(rng, capitals)
    width = font.getlength(text)
    drawn = blank(rng, max(400, width + 1.2 * capitals), max(300, 2 * capitals))
    left, top = (
        (side - of) / 2 for side, of in zip(drawn.canvas.size, (width, capitals), strict=True)
    )
    drawn.wholes.append(drawn.put(text, font, left, top))
    return drawn


def single(rng: Rng) -> Drawn:
    """Draw one character alone."""
    capitals = float(rng.uniform(24, 110))
    drawn = blank(rng, 600, 400)
    rect = drawn.put(
        str(rng.choice(list(LETTERS))), font_of(rng, capitals), *rng.uniform(60, 260, 2)
    )
    drawn.letters.append(rect)
    return drawn


def apart(rng: Rng, spacing: float) -> Drawn:
    """Draw a word whose letters stand so many em apart."""
    capitals = float(rng.uniform(24, 50))
    font, drawn, left = font_of(rng, capitals), blank(rng, 1000, 300), 60.0
    for letter in str(rng.choice(WORDS)).upper():
        drawn.letters.append(drawn.put(letter, font, left, 120))
        left = drawn.letters[-1][2] + spacing * font.size
    drawn.wholes.append(around(drawn.letters))
    return drawn


def column(rng: Rng) -> Drawn:
    """Draw a word with its letters below each other."""
    capitals = float(rng.uniform(30, 60))
    font, drawn, top = font_of(rng, capitals), blank(rng, 400, 900), 60.0
    for letter in str(rng.choice(WORDS)).upper():
        width = font.getlength(letter)
        drawn.letters.append(drawn.put(letter, font, 200 - width / 2, top))
        top += capitals * 1.3
    drawn.wholes.append(around(drawn.letters))
    return drawn


def dotted(rng: Rng) -> Drawn:
    """Draw a word of dots, as on a display of lamps."""
    small = ImageFont.load_default_imagefont()
    text = str(rng.choice(WORDS)).upper()
    _, _, width, height = small.getbbox(text)
    bits = Canvas.new("1", (int(width), int(height)))
    ImageDraw.Draw(bits).text((0, 0), text, 1, small)
    drawn, step = blank(rng, 1000, 300), int(rng.integers(6, 12))
    pen, dots = ImageDraw.Draw(drawn.canvas), np.argwhere(np.asarray(bits))
    radius = 0.36 * step
    for row, left in (dots * step + (80, 60)).tolist():
        pen.ellipse((left - radius, row - radius, left + radius, row + radius), drawn.ink)
    first, last = dots.min(axis=0) * step + (80, 60), dots.max(axis=0) * step + (80, 60)
    drawn.wholes.append((first[1] - step, first[0] - step, last[1] + step, last[0] + step))
    return drawn


def ring(rng: Rng) -> Drawn:
    """Draw letters around a seal."""
    capitals, text = float(rng.uniform(30, 50)), " ".join(rng.permutation(WORDS)[:3]).upper()
    font, drawn, radius = font_of(rng, capitals), blank(rng, 800, 800), 290.0
    side = round(2 * capitals)
    for number, letter in enumerate(text):
        angle = 2 * math.pi * number / (len(text) + 1)
        stamp = Canvas.new("L", (side, side))
        ImageDraw.Draw(stamp).text((side / 2, side / 2), letter, 255, font, "mm")
        turned = stamp.rotate(-math.degrees(angle), Canvas.Resampling.BICUBIC)
        x, y = 400 + radius * math.sin(angle), 400 - radius * math.cos(angle)
        drawn.canvas.paste(drawn.ink, (round(x - side / 2), round(y - side / 2)), turned)
        if letter != " ":
            half = capitals / 2
            drawn.letters.append((x - half, y - half, x + half, y + half))
    return drawn


def around(rects: Sequence[Rect]) -> Rect:
    """Return the rectangle around rectangles."""
    sides = np.array(rects)
    left, top = sides[:, :2].min(axis=0).tolist()
    right, bottom = sides[:, 2:].max(axis=0).tolist()
    return left, top, right, bottom


KINDS: dict[str, Callable[[Rng], Drawn]] = {
    **{f"{size} px": (lambda rng, size=size: word(rng, size)) for size in SIZES},  # type: ignore[misc] # mypy infers no lambda with a default
    "single": single,
    **{name: (lambda rng, em=em: apart(rng, em)) for name, em in SPACING.items()},  # type: ignore[misc] # mypy infers no lambda with a default
    "column": column,
    "dots": dotted,
    "ring": ring,
}


def before_and_after(
    image: Image, model: Model, config: Config
) -> Iterator[tuple[str, Sequence[Box]]]:
    """Yield the boxes without the coarse passes and with them."""
    shown = features_of(image, model, config, weighed_at_once(model.card, config))
    for name, used in (("before", [one for one in shown if not one.coarse]), ("after", shown)):
        yield name, localize_image(image, model, config, features=used).boxes.items


def hits(boxes: Sequence[Box], drawn: Drawn) -> dict[str, tuple[int, int]]:
    """Return how many letters and wholes are found, and how many there are, and boxes of nothing."""
    shapes = [shapely.Polygon(one.polygon) for one in boxes]
    area = shapely.union_all(shapes)
    letters = [shapely.box(*rect) for rect in drawn.letters]
    wholes = [shapely.box(*rect) for rect in drawn.wholes]
    covered = sum(area.intersection(one).area > FOUND * one.area for one in letters)
    whole = sum(
        any(one.intersection(box).area > FOUND * one.union(box).area for box in shapes)
        for one in wholes
    )
    there = shapely.union_all([*letters, *wholes])
    wrong = sum(not one.intersects(there) for one in shapes)
    return {"letters": (covered, len(letters)), "wholes": (whole, len(wholes)), "wrong": (wrong, 0)}


def of_kind(kind: str, count: int, model: Model, config: Config) -> dict[str, dict[str, list[int]]]:
    """Return sums over pictures of a kind, before and after."""
    sums: dict[str, dict[str, list[int]]] = {}
    for index in range(count):
        drawn = KINDS[kind](np.random.default_rng([index, list(KINDS).index(kind)]))
        rgb = np.asarray(drawn.canvas)
        image = Image(rgb, Path("drawn.png"), 1, 1, 1, rgb.shape[1], rgb.shape[0])
        for when, boxes in before_and_after(image, model, config):
            for what, numbers in hits(boxes, drawn).items():
                known = sums.setdefault(when, {}).setdefault(what, [0, 0])
                sums[when][what] = [a + b for a, b in zip(known, numbers, strict=True)]
    return sums


def cell(sums: dict[str, list[int]]) -> str:
    """Return the text of a cell of the table."""
    shares = [
        f"{100 * found / there:.0f} %" if there else ""
        for found, there in (sums["wholes"], sums["letters"])
    ]
    wrong = f"{sums['wrong'][0]}"
    return " | ".join([*shares, wrong])


@click.command()
@click.option("--cases", type=click.Path(exists=True, path_type=Path))
@click.option("--config", "configs", multiple=True, default=("text", "text-large"))
@click.option("--pictures", default=14, show_default=True, help="Of each kind.")
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
def main(cases: Path | None, configs: tuple[str, ...], pictures: int, results: Path) -> None:
    """Count the hard letters that are found."""
    head = ("kind", "config", *("wholes before", "letters", "wrong boxes"), *("wholes after", "letters", "wrong boxes"))  # fmt: skip
    lines, found = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"], {}
    listed = ["", "| case | config | boxes before | boxes after |", "|---|---|---|---|"]
    for name in configs:
        config = read_settings(find_config(name), Config).config
        infer = config.infer.model_copy(update={"precision": "float32"})
        config, model = config.model_copy(update={"infer": infer}), load_model(find_model(name))
        for kind in tqdm(KINDS, name, disable=None):
            sums = found[f"{name}: {kind}"] = of_kind(kind, pictures, model, config)
            lines.append(f"| {kind} | `{name}` | {cell(sums['before'])} | {cell(sums['after'])} |")
        for file in sorted(cases.glob("F[12]*/*.png")) if cases else ():
            counts = [len(boxes) for _, boxes in before_and_after(load(file), model, config)]
            listed.append(f"| {file.name} | `{name}` | {counts[0]} | {counts[1]} |")
    text = "\n".join(
        [
            (
                f"Printed by `benchmarks/hard_letters.py`: {pictures} pictures of each kind. Wholes are words or "
                "columns (IoU of 0.5 with one box), letters are covered by boxes to a half. Before is without "
                "`infer.coarse`, after with it. Wrong boxes touch nothing that was drawn."
            ),
            "",
            *lines,
            *(listed if cases else ()),
        ]
    )
    click.echo(text)
    results.mkdir(parents=True, exist_ok=True)
    (results / "hard_letters.md").write_text(text + "\n", "utf-8")
    (results / "hard_letters.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
