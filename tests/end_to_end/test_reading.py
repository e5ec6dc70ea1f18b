"""From a picture to its text in the order in which people read it, through the commands."""

import json
import shutil
import subprocess
from difflib import SequenceMatcher
from pathlib import Path

import matplotlib as mpl
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from locpipe.pipeline.cli.main import main

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
CJK = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
HEBREW = ["תחנת הרכבת המרכזית", "משרד הכרטיסים סגור"]
ARABIC = ["محطة القطار المركزية", "مكتب التذاكر مغلق اليوم"]
JAPANESE = ["東京都新宿区", "大阪市北区梅田"]
CHINESE = ["北京大学图书馆", "中国人民银行"]
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


def arabic() -> Image.Image:
    """Lines of Arabic, whose letters join."""
    page = Image.new("RGB", (700, 260), "white")
    font = ImageFont.truetype(str(FONT), 44)
    for number, line in enumerate(ARABIC):
        place = (660, 50 + 100 * number)
        ImageDraw.Draw(page).text(place, line, "black", font, anchor="ra", direction="rtl")
    return page


def vertical(lines: list[str], face: int) -> Image.Image:
    """Columns of letters, the first on the right; `face` is that of a country."""
    page = Image.new("RGB", (274, 422), "white")
    font = ImageFont.truetype(str(CJK), 44, index=face)
    for column, line in enumerate(lines):
        for row, letter in enumerate(line):
            place = (189 - 97 * column, 80 + 46 * row)
            ImageDraw.Draw(page).text(place, letter, "black", font, anchor="mm")
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
    return found(folder)


def found(folder: Path, *settings: str) -> Path:
    """Find the boxes of the pictures in a folder; return the folder of results."""
    all_settings = ("output.masks=false", "output.overlays=false", *settings)
    options = [part for setting in all_settings for part in ("--set", setting)]
    call("run", "text", "--input", folder / "pictures", "--output", folder / "out", "--workers", "0", *options)  # fmt: skip
    return folder / "out"


def found_on(page: Image.Image, folder: Path, *settings: str) -> Path:
    """Find the boxes of a page, whose name becomes `page`."""
    (folder / "pictures").mkdir()
    page.save(folder / "pictures" / "page.png")
    return found(folder, *settings)


def text_of(results: Path, name: str, *options: str) -> list[str]:
    call("read", results, "--workers", "0", *options)
    return (results / "read" / f"{name}.png.txt").read_text().splitlines()


def needs(language: str, font: Path = FONT) -> None:
    program = shutil.which("tesseract")
    assert program is not None
    known = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=True)
    if language not in known.stdout.split() or not font.exists():
        package = language.replace("_", "-")
        pytest.skip(f"needs tesseract-ocr-{package} and fonts-noto-cjk (packages of Linux)")


def directions(results: Path, name: str) -> set[str]:
    document = json.loads((results / "read" / f"{name}.png.json").read_bytes())
    return {box["direction"] for box in document["boxes"]}


def test_columns_are_read_one_after_the_other(results: Path) -> None:
    first = [line.split()[0] for line in text_of(results, "columns")]
    assert first == [*COLUMNS[0], *COLUMNS[1]]


def test_stacked_letters_are_a_word(results: Path) -> None:
    document = json.loads((results / "boxes" / "stacked.png.json").read_bytes())
    assert {box["direction"] for box in document["boxes"]} == {"ttb"}
    assert text_of(results, "stacked") == ["THE"]


def test_lines_have_as_many_words_as_boxes_alone(tmp_path: Path) -> None:
    results = found_on(columns(), tmp_path)
    words = {word for column in COLUMNS for word in column}
    known = [
        sum(
            word in words
            for line in text_of(results, "page", "--unit", unit)
            for word in line.split()
        )
        for unit in ("word", "line")
    ]
    assert known[1] >= known[0] > 0


def test_hebrew_is_read_from_the_right(results: Path) -> None:
    needs("heb")
    assert text_of(results, "hebrew", "--lang", "heb") == HEBREW
    assert directions(results, "hebrew") == {"rtl"}


def test_a_direction_that_the_run_was_told_stays_when_hebrew_is_read(tmp_path: Path) -> None:
    needs("heb")
    results = found_on(hebrew(), tmp_path, "boxes.direction=ltr")
    assert text_of(results, "page", "--lang", "heb") == HEBREW
    assert directions(results, "page") == {"ltr"}


@pytest.mark.parametrize(
    ("language", "lines", "direction"),
    [("ara", ARABIC, "rtl"), ("jpn_vert", JAPANESE, "ttb"), ("chi_sim_vert", CHINESE, "ttb")],
)
def test_other_scripts_are_read_as_they_run(
    tmp_path: Path, language: str, lines: list[str], direction: str
) -> None:
    needs(language, CJK if direction == "ttb" else FONT)
    face = 2 if language == "chi_sim_vert" else 0
    page = arabic() if language == "ara" else vertical(lines, face)
    results = found_on(page, tmp_path)
    read = text_of(results, "page", "--lang", language)
    likeness = [SequenceMatcher(None, *both).ratio() for both in zip(read, lines, strict=True)]
    assert min(likeness) > 0.7, read  # the network may miss a letter
    assert directions(results, "page") == {direction}
