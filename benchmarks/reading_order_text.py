"""How near the text read on a page comes to its true text, by normalised edit distance of letters.

    python benchmarks/reading_order_text.py --work pages

The pages are those of reading_order.py, of all kinds in turn, cut to `--height` pixels, because whole pages take
hours. Three programs read each page: Tesseract alone; RapidOCR alone, with the model that it ships (Chinese and
Latin); and `locpipe run` with `locpipe read --engine tesseract`.
Letters and digits count, in the order of the text. Writes benchmarks/results/reading_order_text.md.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from reading_order import SEED, edits
from reading_order_pages import Sheet, laid_out

RESULTS = Path(__file__).parent / "results" / "reading_order_text.md"
LANGUAGES: Final = {
    "hebrew": "heb",
    "arabic": "ara",
    "japanese": "jpn_vert",
    "chinese": "chi_sim_vert",
}
"""The languages of kinds of pages, as Tesseract names them; all other kinds are English."""


def distance(text: str, sheet: Sheet) -> float:
    """Return the edits from a text to the letters of a page, per letter; 0 is perfect."""
    found, truth = letters(text), letters(" ".join(sheet.words))
    return edits(found, truth) / max(1, len(truth))


def letters(text: str) -> NDArray[np.intp]:
    """Return the code points of letters and digits, in lower case."""
    codes = [ord(character) for character in text.casefold() if character.isalnum()]
    return np.array(codes, np.intp)


def by_tesseract(picture: Path, language: str) -> str:
    """Return the text that Tesseract reads on a whole page, in the layout that it finds."""
    mode = "5" if language.endswith("_vert") else "3"  # 5: one block of vertical text
    command = ["tesseract", str(picture), "-", "-l", language, "--psm", mode]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def rapidocr() -> Callable[[Path], str]:
    """Return RapidOCR with default settings, on one thread."""
    threads = ("intra_op_num_threads", "inter_op_num_threads")
    settings = {f"EngineConfig.onnxruntime.{name}": 1 for name in threads}
    # The type of its result is a union over four kinds of calls.
    engine: Any = import_module("rapidocr").RapidOCR(params={"Global.log_level": "error", **settings})  # fmt: skip
    return lambda picture: " ".join(engine(str(picture)).txts or ())


def by_locpipe(folder: Path, language: str) -> dict[str, str]:
    """Return the texts that locpipe reads on the pictures of a folder, by picture name."""
    output = folder.parent / f"{folder.name}-out"
    run = ["run", "text", "--input", folder, "--output", output, "--workers", "1", "-q"]
    read = ["read", output, "--lang", language, "--workers", "1"]
    for arguments in (run, read):
        subprocess.run([sys.executable, "-m", "locpipe", *map(str, arguments)], check=True)
    return {
        picture.name: (output / "read" / f"{picture.name}.txt").read_text(encoding="utf-8")
        for picture in folder.iterdir()
    }


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--height", type=int, default=600)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--work", type=Path, default=Path("reading_order_text"))
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    pictures = options.work / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    alone = rapidocr()
    rows: dict[str, list[list[float]]] = defaultdict(list)
    of_language: dict[str, list[tuple[Path, Sheet]]] = defaultdict(list)
    for number, sheet in enumerate(laid_out(options.pages, options.seed, pictures, options.height)):
        language = LANGUAGES.get(sheet.kind, "eng")
        picture = options.work / language / f"{number:03}-{sheet.kind}.png"
        picture.parent.mkdir(exist_ok=True)
        (pictures / picture.name).replace(picture)
        of_language[language].append((picture, sheet))
    for language, pages in of_language.items():
        ours = by_locpipe(pages[0][0].parent, language)
        for picture, sheet in pages:
            knows = language in ("eng", LANGUAGES["chinese"])
            theirs = by_tesseract(picture, language), alone(picture) if knows else None
            texts = (*theirs, ours[picture.name])
            row = [np.nan if text is None else distance(text, sheet) for text in texts]
            rows[sheet.kind].append(row)
            print(picture.name, row, flush=True)
    lines = [
        "| kind | pages | Tesseract | RapidOCR | locpipe and Tesseract |",
        "|---|---|---|---|---|",
    ]
    for kind, found in sorted(rows.items()):
        means = " | ".join(
            "-" if np.isnan(mean) else f"{mean:.3f}" for mean in np.mean(found, axis=0)
        )
        lines.append(f"| {kind} | {len(found)} | {means} |")
    what = f"the first {options.height} pixels of pages; seed {options.seed}"
    head = f"Normalised edit distance of letters, 0 is perfect; {what}.\n\n"
    options.output.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
