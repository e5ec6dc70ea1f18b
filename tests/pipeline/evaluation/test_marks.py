"""Marks of a person are counted; those of something else are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.evaluation.counts import Counts
from locpipe.pipeline.evaluation.marks import MarkCounts, evaluate_marks
from locpipe.pipeline.output.box_json import read_page
from locpipe.stages.errors import ConfigError

WORD = [[10, 20], [110, 20], [110, 50], [10, 50]]
OTHER = [[10, 60], [110, 60], [110, 90], [10, 90]]
THIRD = [[120, 20], [190, 20], [190, 50], [120, 50]]


@pytest.fixture
def marked(write_boxes: Callable[..., Path]) -> dict[str, Any]:
    """Marks of a run of two pictures, whose boxes it writes."""
    pictures: list[dict[str, Any]] = []
    for name, polygons in (("a.jpg", [WORD, OTHER, THIRD]), ("b.jpg", [WORD])):
        file = write_boxes(name, [(polygon, 0) for polygon in polygons])
        document = json.loads(file.read_bytes())
        for box, polygon in zip(document["boxes"], polygons, strict=True):
            box["rect"] = [*polygon[0], *polygon[2]]
        file.write_text(json.dumps(document))
        page = read_page(file)
        boxes = [{"rect": list(box.rect), "mark": "right"} for box in page.boxes]
        pictures.append({"path": name, "page": 1, "sha256": page.sha256, "boxes": boxes, "missed": []})  # fmt: skip
    pictures[0]["boxes"][1]["mark"] = "wrong"
    del pictures[0]["boxes"][2]
    pictures[1]["missed"] = [[5, 5], [80.5, 70]]
    return {"schema": "locpipe/marks/1", "pictures": pictures}


def saved(folder: Path, document: object) -> Path:
    (folder / "marks.json").write_text(json.dumps(document))
    return folder / "marks.json"


def test_right_wrong_and_missed_are_counted(
    run: Path, marked: dict[str, Any], tmp_path: Path
) -> None:
    report, counts = evaluate_marks(run, saved(tmp_path, marked))
    assert counts == MarkCounts(right=2, wrong=1, missed=2, unmarked=1, stale=0, pictures_left_out=0)  # fmt: skip
    assert report.totals["marks"].counts == Counts(2, 4, 2, 3)
    assert [picture.name for picture in report.pictures] == ["a.jpg", "b.jpg"]


def test_marks_of_boxes_that_are_gone_are_left_out(
    run: Path, marked: dict[str, Any], tmp_path: Path
) -> None:
    first, second = marked["pictures"]
    first["boxes"][0]["rect"][0] += 1
    second["sha256"] = "f" * 64
    marked["pictures"] += [{**first, "path": name} for name in ("c.jpg", "../a.jpg", "x" * 999)]
    _, counts = evaluate_marks(run, saved(tmp_path, marked))
    assert counts == MarkCounts(right=0, wrong=1, missed=0, unmarked=2, stale=4, pictures_left_out=3)  # fmt: skip
    told = str(counts)
    assert "4 marks left out: the run has other boxes there now" in told
    assert "3 pictures left out" in told


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"schema": "x"}, r"is 'x', not 'locpipe/marks/1'; give the marks.json"),
        ([], "is no JSON object; give the marks.json"),
        ({"schema": "locpipe/marks/1", "pictures": [{"path": "a", "page": 0, "sha256": "", "boxes": [], "missed": []}]}, r"pictures\.0\.page: .*; give the marks.json"),
        ({"schema": "locpipe/marks/1", "pictures": []}, "no mark in it is of a box of"),
    ],
)  # fmt: skip
def test_what_holds_no_marks_is_told(
    run: Path, tmp_path: Path, document: object, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        evaluate_marks(run, saved(tmp_path, document))


def evaluate(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def test_the_command_prints_them_as_a_table_and_as_json(
    run: Path, marked: dict[str, Any], tmp_path: Path
) -> None:
    file = saved(tmp_path, marked)
    done = evaluate(run, "--marks", file)
    assert done.exit_code == 0, done.output
    head, row, told = done.stdout.splitlines()
    assert head.split() == ["2", "pictures", "precision", "recall", "H"]
    assert row.split()[:2] == ["marks", "66.7"]
    assert told == "2 right, 1 wrong, 2 missed; 1 boxes of these pictures have no mark"
    assert json.loads(evaluate(run, "--marks", file, "--json").stdout)["counts"]["missed"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give either --truth or --marks"),
        (("--marks", "m.json", "--truth", "gt"), "give either --truth or --marks"),
        (("--marks", "m.json", "--join-lines"), "--marks needs no option but"),
        (("--marks", "m.json"), "m.json: cannot be read"),
    ],
)
def test_wrong_use_is_told(run: Path, arguments: tuple[str, ...], told: str) -> None:
    done = evaluate(run, *arguments)
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr
