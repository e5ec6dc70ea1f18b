import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from locpipe.pipeline.cli import evaluate as command
from locpipe.pipeline.evaluation.score import PROTOCOLS
from locpipe.stages.errors import OutputError

WORD = [[10, 20], [110, 20], [110, 50], [10, 50]]
WORD_LINE = "10,20,110,20,110,50,10,50,word\n"


@pytest.fixture
def scored(
    run: Path,
    truth: Path,
    write_boxes: Callable[..., Path],
    write_truth: Callable[[str, str], Path],
) -> list[str]:
    """Arguments for a run of two pictures: one word found, one not."""
    write_boxes("a.jpg", [(WORD, 0)])
    write_boxes("b.jpg")
    write_truth("a", WORD_LINE)
    write_truth("b", WORD_LINE)
    return [str(run), "--truth", str(truth)]


def invoke(arguments: list[str]) -> Result:
    return CliRunner().invoke(command.evaluate, arguments)


def test_the_table_shows_percent_and_intervals(scored: list[str]) -> None:
    result = invoke([*scored, "--protocol", "icdar2015"])
    assert result.exit_code == 0
    head, row = result.stdout.splitlines()
    assert head.split() == ["2", "pictures", "precision", "recall", "H"]
    numbers = row.replace("[", " ").replace("]", " ").replace(",", " ").split()
    # Recall is 0, 1/2 or 1 in the draws; precision is 0 where nothing was found.
    expected = ["100.0", "0.0", "100.0", "50.0", "0.0", "100.0", "66.7", "0.0", "100.0"]
    assert numbers == ["icdar2015", *expected]


def test_all_protocols_unless_some_are_asked_for(scored: list[str]) -> None:
    rows = invoke(scored).stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(PROTOCOLS)
    some = ["--protocol", "pixel", "--protocol", "deteval"]
    rows = invoke([*scored, *some]).stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["pixel", "deteval"]


def test_a_subset_is_scored_and_the_rest_counted(
    scored: list[str], write_truth: Callable[[str, str], Path]
) -> None:
    alone = invoke(scored).stdout
    for name in "cde":
        write_truth(name, WORD_LINE)
    refused = invoke(scored)
    assert refused.exit_code != 0
    assert "--subset" in str(refused.exception)
    told = invoke([*scored, "--subset"])
    assert told.exit_code == 0
    assert told.stdout == f"{alone}not run, and so not scored: 3 pictures of the truth\n"
    assert json.loads(invoke([*scored, "--subset", "--json"]).stdout)["not_run"] == 3


def test_json_on_stdout_is_what_the_file_holds(scored: list[str], tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "scores.json"
    result = invoke([*scored, "--json", "--join-lines", "--frame", "stored", "-o", str(file)])
    document = json.loads(result.stdout)
    assert document == json.loads(file.read_bytes())
    assert document["schema"] == "locpipe/evaluation/1"
    assert document["run"] == scored[0]
    assert document["truth"] == scored[2]
    assert document["join_lines"] is True
    assert document["frame"] == "stored"
    total = document["totals"]["icdar2015"]
    assert total["score"] == {"precision": 1, "recall": 0.5, "h": pytest.approx(2 / 3)}
    assert total["counts"] == {"recalled": 1, "truth": 2, "precise": 1, "detected": 1}
    assert total["low"]["h"] == 0
    assert total["high"]["h"] == 1
    assert [picture["name"] for picture in document["pictures"]] == ["a", "b"]
    assert document["pictures"][1]["scores"]["pixel"]["recall"] == 0


def test_a_malformed_line_is_exit_code_2_and_a_message(
    scored: list[str], truth: Path, locpipe: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    file = truth / "gt" / "b.txt"
    file.write_text("1,2,3,word\n")
    finished = locpipe("evaluate", *scored)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert f"{file}, line 1: expected x1,y1" in finished.stderr


def test_an_output_that_cannot_be_written_is_named(scored: list[str], tmp_path: Path) -> None:
    result = invoke([*scored, "-o", str(tmp_path)])
    assert isinstance(result.exception, OutputError)
    assert str(tmp_path) in str(result.exception)


@pytest.mark.parametrize("arguments", [[], ["out"], ["out", "--truth", "t", "--protocol", "map"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert invoke(arguments).exit_code == 2


def test_the_choices_are_the_protocols_there_are() -> None:
    (option,) = (p for p in command.evaluate.params if p.name == "protocols")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == (*PROTOCOLS, "wsol")


@pytest.fixture
def objects(run: Path, tmp_path: Path, write_boxes: Callable[..., Path]) -> list[str]:
    """Arguments for one picture whose heat fills the box of the truth."""
    write_boxes("a.jpg", [(WORD, 0)])
    heat = np.zeros((100, 200), np.uint8)
    heat[20:50, 10:110] = 200
    (run / "heatmaps").mkdir()
    Image.fromarray(heat).save(run / "heatmaps" / "a.jpg.png")
    table = tmp_path / "truth.csv"
    table.write_text("image,xmin,ymin,xmax,ymax\na.jpg,10,20,110,50\n")
    return [str(run), "--truth", str(table), "--protocol", "wsol"]


def test_wsol_stands_beside_its_baselines(objects: list[str]) -> None:
    result = invoke(objects)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["1", "pictures", "run", "whole", "picture", "centre", "Gaussian"]
    assert [row[:18].strip() for row in rows] == [
        "MaxBoxAcc",
        "MaxBoxAccV2",
        "at IoU 0.3",
        "at IoU 0.5",
        "at IoU 0.7",
        "pointing",
        "boxes of the run",
    ]
    assert rows[0].split()[1:] == ["100.0", "[100.0,", "100.0]", "0.0", "0.0"]


def test_wsol_json_on_stdout_is_what_the_file_holds(objects: list[str], tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    result = invoke([*objects, "--json", "--normalize", "none", "-o", str(file)])
    document = json.loads(result.stdout)
    assert document == json.loads(file.read_bytes())
    assert document["schema"] == "locpipe/evaluation/1"
    assert document["truth"] == [objects[2]]
    assert (document["normalize"], document["label"], document["left_out"]) == ("none", None, [])
    assert document["totals"]["MaxBoxAccV2"]["score"] == 1
    assert document["totals"]["MaxBoxAccV2"]["whole_picture"] == 0
    assert document["pictures"][0]["scores"]["box_iou"] == 1


def test_a_subset_of_objects_is_scored_too(objects: list[str], tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text("image,xmin,ymin,xmax,ymax\nother.jpg,1,1,9,9\n")
    told = invoke([*objects, "--truth", str(more), "--subset"])
    assert told.exit_code == 0, told.output
    assert told.stdout.endswith("not run, and so not scored: 1 pictures of the truth\n")


def test_what_cannot_be_joined_is_wrong_usage(objects: list[str]) -> None:
    assert invoke([*objects, "--protocol", "pixel"]).exit_code == 2
    assert invoke([*objects[:3], "--truth", objects[2]]).exit_code == 2


def test_options_that_would_change_nothing_are_wrong_usage(
    scored: list[str], objects: list[str]
) -> None:
    for arguments, option in (
        (scored, ["--label", "text"]),
        (scored, ["--normalize", "none"]),
        (objects, ["--join-lines"]),
    ):
        result = invoke([*arguments, *option])
        assert (result.exit_code, option[0] in result.stderr) == (2, True)


def test_help_shows_an_example() -> None:
    assert "Example: locpipe evaluate" in " ".join(invoke(["--help"]).stdout.split())


def test_the_command_loads_no_torch() -> None:
    code = (
        "import sys, locpipe.pipeline.cli.evaluate\n"
        "print({'distributed', 'torch'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
