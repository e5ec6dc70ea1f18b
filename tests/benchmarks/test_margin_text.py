"""The rule that takes the margin of text boxes, and the counts it is given."""

import json
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from margin_text import (
    ENGINES,
    MARGINS,
    counts_of,
    crops,
    found_with,
    interval,
    main,
    mean_share,
    table,
    taken,
    words_right,
    worth,
)
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.models.loading import find_model, load_model

COUNTS = arrays(np.int64, (2, len(MARGINS)), elements=st.integers(1, 3000))
WORDS = ("Harbour", "Market")


def drawn(word: str, size: tuple[int, int], at: tuple[int, int]) -> Image.Image:
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    picture = Image.new("RGB", size, (235, 235, 235))
    font = ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), 40)
    ImageDraw.Draw(picture).text(at, word, (20, 20, 20), font)
    return picture


def signs(folder: Path) -> list[Path]:
    """Two pictures of one word each, and their truth."""
    (folder / "pictures").mkdir()
    (folder / "gt").mkdir()
    files = [folder / "pictures" / f"{word}.png" for word in WORDS]
    for word, file in zip(WORDS, files, strict=True):
        drawn(word, (320, 120), (60, 30)).save(file)
        (folder / "gt" / f"{word}.txt").write_text(f"60,30,240,30,240,80,60,80,{word}\n")
    return files


def counts(*engines: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(engines, np.int64)


def found_of(*shares: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Of 100 words and 100 boxes so many right, by both protocols: H is the share."""
    rows = [[100 * share, 100, 100 * share, 100] for share in shares]
    return np.array([rows, rows], np.float64)


def test_the_middle_of_the_margins_as_good_as_the_best_is_taken() -> None:
    margins = (0.0, 0.5, 1.0, 1.5, 2.0)
    assert taken(np.array((0.900, 1.000, 0.990, 0.980, 0.900)), margins) == 0.5
    assert taken(np.array((0.900, 0.996, 0.998, 1.000, 0.994)), margins) == 1.0
    assert taken(np.array((0.900, 0.996, 0.996, 0.996, 1.000)), margins) == 1.5
    assert taken(np.array((1.000, 1.000, 0.009, 0.009, 0.009)), margins) == 0.5


def test_engines_count_the_same_however_many_words_they_read() -> None:
    right = counts((10, 9, 7), (800, 900, 1000))
    assert mean_share(right).tolist() == pytest.approx([0.9, 0.9, 0.85])


def test_reading_and_finding_weigh_the_same() -> None:
    right, found = counts((5, 10), (50, 100)), found_of(0.8, 0.2)
    assert worth(right, found).tolist() == pytest.approx([0.65, 0.6])
    protocols = np.stack([found_of(0.8, 0.2)[0], found_of(0.4, 1.0)[0]])
    assert worth(right, protocols).tolist() == pytest.approx([0.55, 0.8])


@given(COUNTS, st.integers(2, 9))
def test_a_step_within_the_range_is_taken_whatever_the_number_of_words(
    right: np.ndarray[tuple[int, ...], np.dtype[np.int64]], times: int
) -> None:
    found = found_of(*np.linspace(0.9, 0.4, len(MARGINS)))
    first = taken(worth(right, found))
    assert first in MARGINS
    assert taken(worth(right * np.array([[1], [times]]), found)) == first


@settings(max_examples=5)
@given(COUNTS)
def test_with_one_picture_there_is_one_sample(
    right: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> None:
    found = found_of(*np.linspace(0.9, 0.4, len(MARGINS)))
    only = taken(worth(right, found))
    assert interval(right[:, :, None], found[:, :, None]) == (only, only)


def test_pictures_are_what_is_drawn_anew() -> None:
    for_little = counts((10, *[0] * 10), (10, *[0] * 10)), found_of(1, *[0.0] * 10)
    for_much = counts((*[0] * 10, 10), (*[0] * 10, 10)), found_of(*[0.0] * 10, 1)

    def of(*pictures: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
        right, found = zip(*pictures, strict=True)
        return interval(np.stack(right, axis=2), np.stack(found, axis=2))

    assert of(for_little, for_much) == (0.0, 5.0)
    assert of(*[for_little] * 40, *[for_much] * 4) == (0.0, 0.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_crop_gets_its_own_text(engine: str) -> None:
    first, second = (np.asarray(drawn(word, (200, 60), (10, 6))) for word in WORDS)
    blank = np.full((40, 120, 3), 235, np.uint8)
    texts = ENGINES[engine]([first, blank, second])
    assert len(texts) == 3  # Tesseract sees letters in plain paper, too
    assert texts[::2] == list(WORDS)


def test_words_are_read_in_boxes_that_grow_by_the_margin(tmp_path: Path) -> None:
    pictures, margins = signs(tmp_path), (0.0, 4.0)
    config = read_settings(find_config("text"), Config).config
    found = found_with(margins, pictures, load_model(find_model("text")), config)
    tight, loose = ([strip.shape for strip in crops(one)] for one in found)
    assert len(tight) == 2
    assert (np.subtract(loose, tight)[:, :2] == 8).all()
    right = words_right(found, margins, tmp_path)
    assert right.shape == (2, 2, 2)
    assert right[:, 1].tolist() == [[1, 1], [1, 1]]
    (tmp_path / "gt" / "Market.txt").write_text("60,30,240,30,240,80,60,80,Marker\n")
    shutil.rmtree(tmp_path / "pictures")  # what was read is kept
    assert words_right(found, margins, tmp_path)[:, 1].tolist() == [[1, 0], [1, 0]]


def test_what_counts_is_that_of_the_boxes_against_the_truth(tmp_path: Path) -> None:
    pictures = signs(tmp_path)
    corners = ((60, 30), (240, 30), (240, 80), (60, 80))
    boxes = Boxes((Box("text", 1.0, corners, (60, 30, 240, 80)),))
    assert counts_of(dict.fromkeys(pictures, boxes)).tolist() == [[[1, 1, 1, 1]] * 2] * 2
    (tmp_path / "gt" / "Market.txt").write_text("")
    assert counts_of(dict.fromkeys(pictures, boxes))[:, 1].tolist() == [[0, 0, 0, 1]] * 2


def test_where_nothing_is_found_nothing_is_read(tmp_path: Path) -> None:
    found = [dict.fromkeys(signs(tmp_path), Boxes(()))]
    assert words_right(found, (0.0,), tmp_path).tolist() == [[[0, 0]], [[0, 0]]]


def test_the_table_has_a_line_for_each_margin() -> None:
    row = {"margin": 0.5, "tesseract": 40, "rapidocr": 80, "mean_share": 0.9876, "worth": 0.7}
    head, rule, line = table([{**row, "icdar2015": 0.5, "deteval": 0.625}]).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|") == 8
    assert line == "| 0.5 | 40 | 80 | 98.8 | 50.0 | 62.5 | 70.0 |"


@pytest.mark.long
def test_a_rendered_picture_is_measured_with_the_real_programs(tmp_path: Path) -> None:
    backgrounds, results = tmp_path / "backgrounds", tmp_path / "results"
    backgrounds.mkdir()
    for name in "ab":
        Image.fromarray(data.coffee()).save(backgrounds / f"{name}.png")
    arguments = ["--backgrounds", backgrounds, "--work", tmp_path / "work", "--results", results]
    done = CliRunner().invoke(main, [*map(str, arguments), "--pictures", "1"])
    assert done.exit_code == 0, done.output
    document = json.loads((results / "margin_text.json").read_text())
    rows = document["margins"]
    assert [row["margin"] for row in rows] == list(MARGINS)
    assert document["margin"] == taken(np.array([row["worth"] for row in rows]))
    reading = mean_share(counts(*(tuple(row[engine] for row in rows) for engine in ENGINES)))
    assert [row["mean_share"] for row in rows] == reading.tolist()
    assert 0 < max(row["rapidocr"] for row in rows) <= document["words"]
    assert all(0 <= row[name] <= 1 for row in rows for name in ("icdar2015", "deteval"))
    assert f"**{document['margin']} pixels**" in (results / "margin_text.md").read_text()
