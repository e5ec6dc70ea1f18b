"""Counting the words that OCR reads, and keeping what others read."""

import json
from pathlib import Path

import matplotlib as mpl
import ocr_uplift
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from ocr_uplift import Score, Word, kept, letters, read_truth, score
from PIL import Image, ImageDraw, ImageFont

TRUTH = """\
10,10,60,10,60,30,10,30,Hello
70,10,120,10,120,30,70,30,T-shirt
10,50,60,50,60,70,10,70,###
70,50,120,50,120,70,70,70,--
10,90,60,90,60,110,10,110,a,b
"""


@pytest.fixture
def truth(tmp_path: Path) -> ocr_uplift.Truth:
    (tmp_path / "a.txt").write_text("\ufeff" + TRUTH, encoding="utf-8")
    return read_truth(tmp_path / "a.txt")


def test_only_letters_and_digits_count_in_any_case() -> None:
    assert letters("T-Shirt 5!") == "tshirt5"
    assert letters("Straße") == letters("STRASSE")
    assert letters("?!") == ""


def test_truth_without_letters_is_ignored_like_do_not_care(truth: ocr_uplift.Truth) -> None:
    assert [text for text, _ in truth.words] == ["hello", "tshirt", "ab"]
    assert len(truth.ignored) == 2


def test_a_word_is_right_where_the_truth_has_it(truth: ocr_uplift.Truth) -> None:
    here, elsewhere = (12.0, 12.0, 50.0, 28.0), (12.0, 92.0, 50.0, 108.0)
    assert score(truth, [Word("HELLO!", here)]) == Score(1, 3, 1, 1)
    assert score(truth, [Word("hello", elsewhere)]) == Score(0, 3, 1, 1)
    assert score(truth, [Word("hell", here)]) == Score(0, 3, 1, 1)


def test_a_word_of_the_truth_is_read_once(truth: ocr_uplift.Truth) -> None:
    here = (12.0, 12.0, 50.0, 28.0)
    assert score(truth, [Word("hello", here)] * 2) == Score(1, 3, 2, 1)


def test_what_is_read_where_nobody_can_is_neither_right_nor_wrong(
    truth: ocr_uplift.Truth,
) -> None:
    there = (12.0, 52.0, 50.0, 68.0)
    assert score(truth, [Word("guess", there), Word("...", (12.0, 12.0, 50.0, 28.0))]) == Score(
        0, 3, 0, 1
    )


@given(st.lists(st.builds(Score, *[st.integers(0, 50)] * 4), max_size=5))
def test_scores_add_up(scores: list[Score]) -> None:
    total = sum(scores, Score())
    assert total.right == sum(one.right for one in scores)
    assert total.pictures == sum(one.pictures for one in scores)
    assert total.recall >= 0
    assert total.precision >= 0


def test_what_others_read_is_kept(tmp_path: Path) -> None:
    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    asked = []

    def start() -> ocr_uplift.Reader:
        def read(picture: Path) -> list[Word]:
            asked.append(picture.stem)
            return [Word(picture.stem, (0.0, 0.0, 1.0, 1.0))]

        return read

    file = tmp_path / "kept" / "others.jsonl"
    first = kept(file, pictures[:1], start)
    assert first == {"a": [Word("a", (0.0, 0.0, 1.0, 1.0))]}
    both = kept(file, pictures, start)
    assert kept(file, pictures, lambda: pytest.fail("nothing is left to read")) == both
    file.write_text(file.read_text() + '{"picture": "c", "wo')
    assert kept(file, [*pictures, tmp_path / "c.png"], start)["c"]
    assert asked == ["a", "b", "c"]
    assert [json.loads(line)["picture"] for line in file.read_text().splitlines()] == asked


def test_the_table_shows_the_best_mode_of_tesseract() -> None:
    scores = {
        "Tesseract, whole picture, psm 6": Score(3, 10, 100, 5),
        "Tesseract, whole picture, psm 11": Score(3, 10, 60, 5),
        "Tesseract, whole picture, psm 3": Score(0, 10, 0, 5),
        "Tesseract, locpipe's boxes": Score(9, 10, 12, 5),
    }
    lines = ocr_uplift.table("signs", scores)
    assert lines[0] == "`signs`, 5 pictures"
    assert "| Tesseract, whole picture, psm 11 | 3 of 10 | 30.0% | 5.0% |" in lines
    assert not any("psm 6" in line or "psm 3" in line for line in lines)
    assert "With locpipe Tesseract reads 3.0 times the words." in lines


@pytest.mark.long
def test_a_set_is_measured_with_the_real_programs(tmp_path: Path) -> None:
    """One picture with one large word, found by the paper's network with its own settings."""
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), 40)
    (tmp_path / "signs" / "images").mkdir(parents=True)
    (tmp_path / "signs" / "gt").mkdir()
    picture = Image.new("RGB", (320, 120), (235, 235, 235))
    ImageDraw.Draw(picture).text((60, 30), "Harbour", (20, 20, 20), font)
    picture.save(tmp_path / "signs" / "images" / "one.png")
    (tmp_path / "signs" / "gt" / "one.txt").write_text("60,30,240,30,240,80,60,80,Harbour\n")
    arguments = [str(tmp_path / "signs"), "--config", "digits", "--work", str(tmp_path / "work")]
    arguments += ["--results", str(tmp_path / "results")]
    done = CliRunner().invoke(ocr_uplift.main, [*arguments, "--others"])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "work" / "others" / "signs").iterdir())) == 5
    assert not (tmp_path / "results").exists()
    done = CliRunner().invoke(ocr_uplift.main, arguments)
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "results" / "ocr_uplift.json").read_text())["signs"]
    assert numbers["RapidOCR, its own detector"]["right"] == 1
    assert numbers["Tesseract, whole picture, psm 6"]["right"] == 1
    assert {entry["there"] for name, entry in numbers.items() if name != "model_sha256"} == {1}
    table = (tmp_path / "results" / "ocr_uplift.md").read_text()
    assert "`signs`, 1 pictures" in table
