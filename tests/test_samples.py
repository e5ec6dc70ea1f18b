"""Hold the sample pictures to what their README promises."""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from PIL import ExifTags, Image

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
PICTURES = sorted(p for p in SAMPLES.iterdir() if p.suffix in {".jpg", ".png", ".webp"})
FREE = {
    "Apache-2.0 and MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "MIT",
    "public domain",
}
ROW = re.compile(
    r"\| `(?P<name>[^`]+)` \| (?P<width>\d+) x (?P<height>\d+) \| (?P<shows>[^|]+)"
    r" \| (?P<author>[^|]+) \| (?P<licence>[^|]+) \| (?P<source>[^|]+) \|"
)

Point: TypeAlias = tuple[int, int]


class Word(NamedTuple):
    corners: list[Point]
    text: str


class Upright(NamedTuple):
    width: int
    height: int
    mode: str
    orientation: int


def upright(picture: Path) -> Upright:
    with Image.open(picture) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        width, height = image.size if orientation < 5 else image.size[::-1]
        return Upright(width, height, image.mode, orientation)


def read_words(picture: Path) -> list[Word]:
    lines = (SAMPLES / "gt" / f"{picture.stem}.txt").read_text(encoding="utf-8").splitlines()
    words = []
    for line in lines:
        *numbers, text = line.split(",", 8)
        values = [int(number) for number in numbers]
        words.append(Word(list(zip(values[::2], values[1::2], strict=True)), text))
    return words


def twice_the_area(corners: list[Point]) -> int:
    """Shoelace formula; positive for clockwise corners, as y points down."""
    following = corners[1:] + corners[:1]
    return sum(x * v - u * y for (x, y), (u, v) in zip(corners, following, strict=True))


@pytest.fixture(scope="module")
def rows() -> dict[str, re.Match[str]]:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    return {row["name"]: row for row in ROW.finditer(readme)}


def test_at_least_twelve_in_at_most_15_megabytes() -> None:
    assert len(PICTURES) >= 12
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) <= 15_000_000


def test_readme_names_every_picture_and_no_other(rows: dict[str, re.Match[str]]) -> None:
    assert sorted(rows) == [p.name for p in PICTURES]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.name)
def test_readme_gives_size_author_free_licence_and_package(
    picture: Path, rows: dict[str, re.Match[str]]
) -> None:
    row = rows[picture.name]
    assert (int(row["width"]), int(row["height"])) == upright(picture)[:2]
    assert row["author"].strip()
    assert row["licence"] in FREE
    assert re.match(r"(PyPI|Debian|Debian source) \S+ \d\S+, `\S+`", row["source"])


def test_licences_that_ask_for_their_notice_have_it(rows: dict[str, re.Match[str]]) -> None:
    notices = (SAMPLES / "NOTICES.md").read_text(encoding="utf-8")
    sections = [line for line in notices.splitlines() if line.startswith("## ")]
    for row in rows.values():
        if "MIT" in row["licence"] or "BSD" in row["licence"]:
            licence = row["licence"].split()[-1]
            assert any(f"## {licence}:" in s and row["name"] in s for s in sections), row["name"]


def test_bytes_are_those_of_the_package() -> None:
    lines = (SAMPLES / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    noted = {name: digest for digest, name in (line.split() for line in lines)}
    assert noted == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in PICTURES}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.name)
def test_words_are_clockwise_quadrilaterals_inside_the_upright_picture(picture: Path) -> None:
    size = upright(picture)
    for word in read_words(picture):
        assert word.text.strip()
        assert len(word.corners) == 4
        assert twice_the_area(word.corners) > 0, word
        assert all(0 <= x <= size.width and 0 <= y <= size.height for x, y in word.corners), word


def test_every_truth_belongs_to_a_picture() -> None:
    assert {p.stem for p in (SAMPLES / "gt").iterdir()} == {p.stem for p in PICTURES}


def test_at_least_five_have_legible_text_and_some_have_none() -> None:
    words = [read_words(picture) for picture in PICTURES]
    assert sum(any(word.text != "###" for word in found) for found in words) >= 5
    assert [] in words


def test_the_promised_kinds_are_there() -> None:
    sizes = [upright(picture) for picture in PICTURES]
    assert len({size[:2] for size in sizes}) >= 10
    assert any(size.width * size.height >= 12_000_000 for size in sizes)
    assert any(size.orientation != 1 and size.height > size.width for size in sizes)
    assert any(size.mode == "L" for size in sizes)
