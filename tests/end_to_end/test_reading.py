"""From a picture to its text in the order in which people read it, through the commands."""

import json
import shutil
import subprocess
from pathlib import Path

import matplotlib as mpl
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from locpipe.pipeline.cli.main import main

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
HEBREW = ["תחנת הרכבת המרכזית", "משרד הכרטיסים סגור"]
COLUMNS = (["harbour", "station", "market", "garden"], ["kitchen", "library", "theatre", "museum"])


def call(*arguments: str | Path) -> None:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr


def hebrew() -> Image.Image:
    """Lines of Hebrew, their letters drawn from right to left."""
    page = Image.new("RGB", (560, 220), "white")
    font = ImageFont.truetype(str(FONT), 40)
    for number, line in enumerate(HEBREW):
        shown = line[::-1]  # without combining marks that is all
        left = 520 - font.getlength(shown)
        basic = ImageFont.truetype(str(FONT), 40, layout_engine=ImageFont.Layout.BASIC)
        ImageDraw.Draw(page).text((left, 30 + 90 * number), shown, "black", basic)
    return page


def columns() -> Image.Image:
    """Two columns of four lines each, a gutter of 28 pixels apart, in type of 24 pixels."""
    page = Image.new("RGB", (660, 260), "white")
    font = ImageFont.truetype(str(FONT), 24)
    lines = [[f"{word} {word} {row}" for row, word in enumerate(words)] for words in COLUMNS]
    width = max(font.getlength(line) for line in lines[0])
    for column, some in enumerate(lines):
        for row, line in enumerate(some):
            left = 20 + column * (28 + width)
            ImageDraw.Draw(page).text((left, 20 + 36 * row), line, "black", font)
    return page


def stacked() -> Image.Image:
    page = Image.new("RGB", (300, 360), (170, 30, 30))
    font = ImageFont.truetype(str(FONT), 70)
    for row, letter in enumerate("THE"):
        ImageDraw.Draw(page).text((150, 80 + 88 * row), letter, "white", font, anchor="mm")
    return page


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    (folder / "pictures").mkdir()
    for name, page in (("hebrew", hebrew()), ("columns", columns()), ("stacked", stacked())):
        page.save(folder / "pictures" / f"{name}.png")
    settings = ("output.masks=false", "output.overlays=false")
    options = [part for setting in settings for part in ("--set", setting)]
    call("run", "text", "--input", folder / "pictures", "--output", folder / "out", "--workers", "0", *options)  # fmt: skip
    return folder / "out"


def text_of(results: Path, name: str, *options: str) -> list[str]:
    call("read", results, "--workers", "0", *options)
    return (results / "read" / f"{name}.png.txt").read_text().splitlines()


def test_columns_are_read_one_after_the_other(results: Path) -> None:
    first = [line.split()[0] for line in text_of(results, "columns")]
    assert first == [*COLUMNS[0], *COLUMNS[1]]


def test_stacked_letters_are_a_word(results: Path) -> None:
    document = json.loads((results / "boxes" / "stacked.png.json").read_bytes())
    assert {box["direction"] for box in document["boxes"]} == {"ttb"}
    assert text_of(results, "stacked") == ["THE"]


def test_hebrew_is_read_from_the_right(results: Path) -> None:
    program = shutil.which("tesseract")
    assert program is not None
    languages = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=True)  # fmt: skip
    if "heb" not in languages.stdout.split():
        pytest.skip("apt-get install tesseract-ocr-heb")
    assert text_of(results, "hebrew", "--lang", "heb") == HEBREW
