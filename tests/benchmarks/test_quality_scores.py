"""What detectors found, scored."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import PIL.Image
import pytest
from competitors import OURS, Detector, Variant
from picture_sets import Set
from quality_scores import answer_file, box_file, scores

import locpipe.pipeline.output.box_json

SCHEMA = Path(str(locpipe.pipeline.output.box_json.__file__)).parent / "schemas" / "boxes-2.json"
LEFT = [[10.0, 10.0], [40.0, 10.0], [40.0, 20.0], [10.0, 20.0]]
RIGHT = [[45.0, 10.0], [80.0, 10.0], [80.0, 20.0], [45.0, 20.0]]
BOTH = [[10.0, 10.0], [80.0, 10.0], [80.0, 20.0], [10.0, 20.0]]
WORDS, LINES = Variant("w", "words", "word"), Variant("l", "lines", "line")
THEIRS = Detector("theirs", (WORDS, LINES))
Quads = list[list[list[float]]]


@pytest.fixture
def picture_of(tmp_path: Path) -> Callable[..., Set]:
    """Make a set of one picture, 100 x 60 as shown, with its truth as stored."""

    def make(*truth: list[list[float]], orientation: int = 1, lines: bool = False) -> Set:
        folder = tmp_path / "data" / "some_set"
        (folder / "images").mkdir(parents=True)
        (folder / "gt").mkdir()
        exif = PIL.Image.Exif()
        exif[274] = orientation
        file = folder / "images" / "a.jpg"
        size = (100, 60) if orientation < 5 else (60, 100)
        PIL.Image.new("RGB", size).save(file, exif=exif)
        rows = [",".join(str(value) for point in quad for value in point) for quad in truth]
        (folder / "gt" / "a.txt").write_text("".join(f"{row},x\n" for row in rows))
        return Set("some_set", folder, (file,), "stored", lines)

    return make


def answer(one: Set, work: Path, words: Quads, lines: Quads) -> None:
    file = answer_file(THEIRS, one, one.pictures[0], work)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"w": words, "l": lines}))


def h(one: Set, variant: Variant, work: Path, protocol: str = "icdar2015") -> float:
    found = scores(THEIRS, variant, one, work)
    return float(found[protocol]["score"]["h"])


def test_any_detectors_boxes_become_our_json(picture_of: Callable[..., Set]) -> None:
    one = picture_of(orientation=6)
    document = json.loads(box_file(one.pictures[0], [RIGHT, LEFT]))
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert [box["polygon"] for box in document["boxes"]] == [LEFT, RIGHT]
    assert [box["line"] for box in document["boxes"]] == [0, 0]
    assert document["boxes"][0]["rect"] == [10, 10, 40, 20]
    image = document["image"]
    assert (image["width"], image["height"], image["stored_width"]) == (100, 60, 60)


def test_words_are_scored_against_words(picture_of: Callable[..., Set], tmp_path: Path) -> None:
    one = picture_of(LEFT, RIGHT)
    answer(one, tmp_path, [LEFT, RIGHT], [BOTH])
    assert h(one, WORDS, tmp_path) == 1
    assert h(one, LINES, tmp_path) == pytest.approx(2 / 3, abs=0.01)  # half of it is one word
    assert h(one, LINES, tmp_path, "deteval") == 1


def test_words_are_joined_where_the_truth_is_lines(
    picture_of: Callable[..., Set], tmp_path: Path
) -> None:
    one = picture_of(BOTH, lines=True)
    answer(one, tmp_path, [LEFT, RIGHT], [LEFT, RIGHT])
    assert h(one, WORDS, tmp_path) == 1
    assert h(one, LINES, tmp_path) < 1


def test_truth_of_the_stored_grid_is_turned_upright(
    picture_of: Callable[..., Set], tmp_path: Path
) -> None:
    """Orientation 6: the stored point (x, y) is shown at (stored height - y, x)."""
    stored = [[y, 100.0 - x] for x, y in LEFT]
    one = picture_of(stored, orientation=6)
    answer(one, tmp_path, [LEFT], [LEFT])
    assert h(one, WORDS, tmp_path) == 1


def test_what_is_scored_is_kept_until_it_changes(
    picture_of: Callable[..., Set], tmp_path: Path
) -> None:
    one = picture_of(LEFT, RIGHT)
    answer(one, tmp_path, [LEFT], [])
    assert h(one, WORDS, tmp_path) == h(one, WORDS, tmp_path) == pytest.approx(2 / 3)
    assert len([*(tmp_path / "scores").iterdir()]) == 1
    answer_file(THEIRS, one, one.pictures[0], tmp_path).write_text(json.dumps({"w": [LEFT, RIGHT]}))
    assert h(one, WORDS, tmp_path) == 1


def test_a_picture_of_ours_that_failed_is_one_with_nothing_found(
    picture_of: Callable[..., Set], tmp_path: Path
) -> None:
    one = picture_of(LEFT)
    found = scores(OURS, OURS.variants[0], one, tmp_path)
    assert found["icdar2015"]["score"]["recall"] == 0


def test_false_alarms_are_the_share_of_pictures_with_any_box(tmp_path: Path) -> None:
    pictures = tuple(tmp_path / f"{number}.png" for number in range(4))
    for picture in pictures:
        PIL.Image.fromarray(np.zeros((50, 90), np.uint8)).save(picture)
    one = Set("backgrounds", tmp_path, pictures)
    for picture, quads in zip(pictures, ([], [LEFT], [], []), strict=True):
        file = answer_file(THEIRS, one, picture, tmp_path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"w": quads}))
    found = scores(THEIRS, WORDS, one, tmp_path)
    assert found == {"pictures": 4, "false_alarms": 0.25}
