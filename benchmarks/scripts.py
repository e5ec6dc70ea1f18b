"""How many words of pages in many scripts are found.

    python benchmarks/scripts.py [--config text] [--pages 4] --work scripts

A browser lays out the pages, with the fonts of Debian's fonts-noto-core and fonts-noto-cjk. Their words are
names of countries and languages, from the Unicode CLDR by Babel. Half of the pages are paragraphs, half are
lists of larger letters; Chinese and Japanese have pages of columns too. A word is found if boxes cover half
of it. A box is wrong if its middle lies in no word. Writes benchmarks/results/scripts_<config>.md.
"""

import argparse
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from babel import Locale
from numpy.typing import NDArray
from reading_order_pages import WIDTH, Sheet, laid_out

RESULTS = Path(__file__).parent / "results"
SEED: Final = 20261129
HEIGHT: Final = 600
LOCALES: Final = {
    "arabic": "ar", "armenian": "hy", "bengali": "bn", "chinese": "zh", "cyrillic": "ru", "devanagari": "hi",
    "ethiopic": "am", "georgian": "ka", "greek": "el", "gujarati": "gu", "gurmukhi": "pa", "hangul": "ko",
    "hebrew": "he", "japanese": "ja", "kannada": "kn", "khmer": "km", "lao": "lo", "latin": "en",
    "malayalam": "ml", "myanmar": "my", "sinhala": "si", "tamil": "ta", "telugu": "te", "thai": "th",
}  # fmt: skip
COLUMNS: Final = ("chinese", "japanese")

Rects = NDArray[np.float64]


def page(locale: str, *, upright: bool) -> Callable[[random.Random], str]:
    """Return a function that writes a page in a language, in columns if `upright`."""
    names = Locale.parse(locale)
    words = [*names.territories.values(), *names.languages.values()]

    def html(chance: random.Random) -> str:
        is_list = chance.random() < 0.5
        size = chance.randint(26, 44) if is_list else chance.randint(15, 26)
        mark = {"zh": "、", "ja": "、", "my": "၊ "}.get(locale, ", ")
        some = [chance.choice(words) for _ in range(400)]
        text = (
            "".join(f"<p>{word}</p>" for word in some) if is_list else f"<p>{mark.join(some)}</p>"
        )
        mode = "writing-mode: vertical-rl" if upright else "columns: 3; column-gap: 60px"
        face = chance.choice(["sans-serif", "serif"])
        turned = " dir=rtl" if locale in ("ar", "he") else ""
        place = "position: absolute; left: 40px; top: 40px; width: 1520px; height: 520px"
        return (
            f"<html lang={locale}{turned}><style>p {{ margin: 0 0 .3em }}</style>"
            f"<div style='{place}; overflow: hidden; font: {size}px/1.6 {face}; {mode}'>{text}</div>"
        )

    return html


def covered(sheet: Sheet, document: Path) -> tuple[int, int, int, int]:
    """Return the number of words, of words found, of boxes, and of wrong boxes."""
    polygons = [
        np.round(box["polygon"]).astype(np.int32)
        for box in json.loads(document.read_text(encoding="utf-8"))["boxes"]
    ]
    filled = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(filled, polygons, 1)
    rects = sheet.rects.round().astype(int)
    shares = [filled[top:bottom, left:right].mean() for left, top, right, bottom in rects]
    middles = [polygon.mean(axis=0) for polygon in polygons]
    wrong = sum(not _in_a_line(middle, sheet.rects) for middle in middles)
    return len(rects), int((np.array(shares) >= 0.5).sum()), len(polygons), wrong


def _in_a_line(middle: NDArray[np.float64], rects: Rects) -> bool:
    """Say whether a point lies on text; blanks up to a line's height wide count as text."""
    sides = rects[:, 2:] - rects[:, :2]
    room = np.minimum(sides.min(axis=1), 40)[:, None] * 0.6
    inside = (middle >= rects[:, :2] - room) & (middle <= rects[:, 2:] + room)
    return bool(inside.all(axis=1).any())


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="text")
    parser.add_argument("--pages", type=int, default=4, help="of each kind")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="another model than that of the config")
    options = parser.parse_args()
    pictures = options.work / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    kinds = {name: page(locale, upright=False) for name, locale in LOCALES.items()}
    kinds |= {f"{name}, columns": page(LOCALES[name], upright=True) for name in COLUMNS}
    sheets = list(laid_out(options.pages * len(kinds), SEED, pictures, HEIGHT, kinds))
    output = options.work / "out"
    command = ["run", options.config, "--input", pictures, "--output", output, "-q", "--force"]
    if options.model:
        command += ["--set", f"model={options.model}"]
    subprocess.run([sys.executable, "-m", "locpipe", *map(str, command)], check=True)
    counts: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for number, sheet in enumerate(sheets):
        document = output / "boxes" / f"{number:03}-{sheet.kind}.png.json"
        counts[sheet.kind].append(covered(sheet, document))
    lines = ["| kind | words | found | boxes | wrong |", "|---|---|---|---|---|"]
    for kind, found in [
        *sorted(counts.items()),
        ("all", [c for cs in counts.values() for c in cs]),
    ]:
        words, hit, boxes, wrong = np.sum(found, axis=0).tolist()
        lines.append(f"| {kind} | {words} | {100 * hit / words:.1f} % | {boxes} | {wrong} |")
    head = f"{options.pages} pages of each kind by `benchmarks/scripts.py`, `{options.config}` in float32.\n\n"
    target = RESULTS / f"scripts_{options.config}.md"
    target.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
