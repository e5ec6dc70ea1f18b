"""A run on pictures of drawn words, with boxes around just these words, and engines that misbehave."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rect = tuple[int, int, int, int]
FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
WORDS = {
    "a.png": ["Harbour street", "market"],
    "inside/b.jpg": ["Station"],
    "c.png": [],
}


def draw(text: str, *, size: int = 28, ink: int = 20, paper: int = 235) -> NDArray[np.uint8]:
    """A word with a margin, uint8 [h, w, 3]."""
    font = ImageFont.truetype(str(FONT), size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    picture = Image.new("L", (right - left + size, bottom - top + size // 2), paper)
    ImageDraw.Draw(picture).text((size // 2 - left, size // 4 - top), text, ink, font)
    return np.asarray(picture.convert("RGB"))


def place(lines: list[str]) -> tuple[NDArray[np.uint8], list[tuple[Rect, int]]]:
    """A picture of lines of words, and rectangle and line of every word."""
    picture = np.full((40 + 60 * max(1, len(lines)), 480, 3), 235, np.uint8)
    boxes = []
    for number, line in enumerate(lines):
        left = 20
        for word in line.split():
            pixels = draw(word)
            height, width = pixels.shape[:2]
            top = 20 + 60 * number
            picture[top : top + height, left : left + width] = pixels
            boxes.append(((left + 8, top, left + width - 8, top + height), number))
            left += width + 10
    return picture, boxes


def find(file: Path, boxes: list[tuple[Rect, int]]) -> None:
    """Make a box JSON say that the words are where they are."""
    document = json.loads(file.read_bytes())
    document["boxes"] = [
        {
            "label": "text",
            "score": 0.9,
            "rect": [left, top, right, bottom],
            "polygon": [[left, top], [right, top], [right, bottom], [left, bottom]],
            "line": line,
        }
        for (left, top, right, bottom), line in boxes
    ]
    file.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, run_digits: Callable[..., dict[str, Any]]
) -> Path:
    """A folder with `pictures` and the run `out` on them."""
    folder = tmp_path_factory.mktemp("finished")
    for name, lines in WORDS.items():
        (folder / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(place(lines)[0]).save(folder / "pictures" / name, quality=95)
    run_digits(folder / "pictures", folder / "out", "output.masks=false", "output.overlays=false")
    for name, lines in WORDS.items():
        find(folder / "out" / "boxes" / f"{name}.json", place(lines)[1])
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run to read; its pictures lie in `run.parent / "pictures"`."""
    shutil.copytree(finished, tmp_path / "copy")
    report = tmp_path / "copy" / "out" / "run.json"
    report.write_text(report.read_text().replace(str(finished), str(tmp_path / "copy")))
    return tmp_path / "copy" / "out"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program before Tesseract that does as told when it is to read pages."""

    def put(what_to_do: str) -> None:
        program = tmp_path / "bin" / "tesseract"
        program.parent.mkdir(exist_ok=True)
        real = shutil.which("tesseract")
        program.write_text(
            f"#!{sys.executable}\n"
            "import os, signal, sys, time\n"
            f"if sys.argv[1] != '-': os.execv({real!r}, [{real!r}, *sys.argv[1:]])\n"
            f"pages = sys.stdin.buffer.read()\n{what_to_do}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return put
