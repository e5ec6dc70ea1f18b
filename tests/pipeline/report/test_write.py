"""What `locpipe report` writes, without a browser: files, what it uses again, and bad input."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from report_fixtures import report
from run_fixtures import MakeRun

from locpipe.pipeline.output.lock import locked
from locpipe.pipeline.report.write import SCRIPTS


def data(out: Path, name: str) -> Any:
    """What a script hands to the page."""
    text = (out / "report" / "data" / f"{name}.js").read_text()
    found = re.fullmatch(r'locpipe\.add\("([a-z0-9-]+)", (.*)\);\n', text, re.DOTALL)
    assert found is not None
    assert found[1] == name
    return json.loads(found[2])


def test_scripts_of_data_end_no_element_and_are_ascii(reported_once: Path) -> None:
    files = list((reported_once / "out" / "report" / "data").iterdir())
    assert {file.name for file in files} == {"summary.js", "list-0.js", "text-0.js", "details-0.js"}
    for file in files:
        text = file.read_text("ascii")
        assert "<" not in text
        assert "\u2028" not in text


def test_the_page_loads_every_script_that_there_is(reported_once: Path) -> None:
    folder = reported_once / "out" / "report"
    assert {file.stem for file in (folder / "app").glob("*.js")} == set(SCRIPTS)
    html = (folder / "index.html").read_text()
    loaded = re.findall(r'src="([^"]*)"', html)
    assert loaded == ["app/data.js", "data/summary.js", *(f"app/{name}.js" for name in SCRIPTS[1:])]
    for file in [*(folder / "app").iterdir(), folder / "index.html"]:
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", file.read_text()), file


def test_thumbnails_are_used_again_and_those_of_nobody_go(reported: Path) -> None:
    thumbs = reported / "out" / "report" / "thumbs"
    (some, *_) = sorted(thumbs.rglob("*.jpg"))
    before = some.stat().st_mtime_ns
    (thumbs / "zz").mkdir()
    (thumbs / "zz" / "nobodys.jpg").touch()
    notes = reported / "out" / "report" / "marks.json"
    notes.write_text("of the user")
    assert report(reported / "out").exit_code == 0
    assert some.stat().st_mtime_ns == before
    assert not (thumbs / "zz" / "nobodys.jpg").exists()
    assert notes.exists()


def test_a_report_that_cannot_be_written_blames_no_picture(reported: Path) -> None:
    """A file stands where a folder of thumbnails should."""
    thumbs = reported / "out" / "report" / "thumbs"
    names = [folder.name for folder in thumbs.iterdir()]
    shutil.rmtree(thumbs)
    thumbs.mkdir()
    for name in names:
        (thumbs / name).touch()
    done = report(reported / "out")
    assert (done.exit_code, "cannot be written" in done.stderr) == (6, True), done.output


def test_a_thumbnail_is_small_and_upright(make_run: MakeRun) -> None:
    tall = Image.new("RGB", (500, 2000), "white")
    tall.paste((200, 0, 0), (0, 0, 500, 500))
    out = make_run({"a.jpg": (tall, 6, [])}) / "out"
    assert report(out).exit_code == 0
    (listed,) = data(out, "list-0")
    with Image.open(out / "report" / listed["thumb"]) as thumb:
        assert thumb.size == (80, 320)
        red, green, _ = thumb.convert("RGB").getpixel((40, 20))  # type: ignore[misc] # of RGB
        assert red > 150 > green


def test_a_run_that_was_stopped_shows_what_there_is(reported: Path) -> None:
    out = reported / "out"
    file = out / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "state": "running"}))
    (out / "failures.jsonl").unlink()
    assert report(out).exit_code == 0
    summary = data(out, "summary")
    assert summary["state"] == "running"
    assert summary["counts"]["pages"] == 5
    assert "the run has not come to its end: run it again to see the rest" in summary["left_out"]


def test_a_run_without_pictures_has_a_report(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "made" / "out").mkdir(parents=True)
    out = make_run({}) / "out"
    assert report(out).exit_code == 0
    assert data(out, "summary")["counts"] == {"failed": 0}


def test_texts_of_other_boxes_are_not_shown(reported: Path) -> None:
    out = reported / "out"
    file = out / "boxes" / "signs" / "a.png.json"
    document = json.loads(file.read_bytes())
    document["boxes"].pop()
    file.write_text(json.dumps(document))
    assert report(out).exit_code == 0
    assert "texts" not in data(out, "summary")["has"]


def test_a_name_that_is_no_utf8_is_linked_to_by_its_bytes(make_run: MakeRun) -> None:
    key = os.fsdecode(b"caf\xe9.png")
    out = make_run({key: (Image.new("RGB", (9, 9)), 1, [])}) / "out"
    assert report(out).exit_code == 0
    (details,) = data(out, "details-0")
    assert details["full"] == "../../pictures/caf%E9.png"
    assert details["path"] == key


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (shutil.rmtree, 2, "is not the output of a run (no run.json)"),
        (lambda out: (out / "run.json").write_text('{"schema": "locpipe/run/9"}'), 2, "run/9"),
        (
            lambda out: (out / "boxes" / "empty.png.json").write_text('{"schema": "x"}'),
            2,
            "is 'x', this locpipe reads",
        ),
    ],
)
def test_what_is_no_run_is_told(reported: Path, change: Any, code: int, told: str) -> None:
    change(reported / "out")
    done = report(reported / "out")
    assert (done.exit_code, told in done.stderr) == (code, True), done.stderr
    for file in (reported / "out").rglob("boxes/**/empty.png.json"):
        file.unlink()  # it fits no schema


@pytest.mark.parametrize("what", ["nothing", "half", "zeros"])
def test_a_thumbnail_that_is_not_whole_is_made_again(reported: Path, what: str) -> None:
    """A loss of power leaves names whose content was never on the disk."""
    (some, *_) = sorted((reported / "out" / "report" / "thumbs").rglob("*.jpg"))
    whole = some.read_bytes()
    torn = {"nothing": b"", "half": whole[: len(whole) // 2], "zeros": bytes(len(whole))}
    some.write_bytes(torn[what])
    assert report(reported / "out").exit_code == 0
    assert some.read_bytes() == whole


def test_a_report_without_an_end_has_no_index(reported: Path) -> None:
    """Whoever opens the page of a report that failed would take old numbers for new ones."""
    damaged = reported / "out" / "boxes" / "empty.png.json"
    damaged.write_text("{}")
    assert report(reported / "out").exit_code == 2
    damaged.unlink()
    assert not (reported / "out" / "report" / "index.html").exists()


def test_a_run_at_work_is_left_alone(reported: Path) -> None:
    with locked(reported / "out"):
        assert report(reported / "out").exit_code == 75


@pytest.mark.parametrize("name", ["", "data", "thumbs"])
def test_nothing_is_written_through_a_link(reported: Path, tmp_path: Path, name: str) -> None:
    place = reported / "out" / "report" / name
    shutil.rmtree(place)
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    done = report(reported / "out")
    assert (done.exit_code, "is a symbolic link" in done.stderr) == (6, True)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_one_file_holds_500_pictures_at_most(large: Path) -> None:
    done = report(large, "--embed")
    assert done.exit_code == 2
    assert "--embed: one file holds at most 500 pictures" in done.stderr
    assert not (large / "report.html").exists()
    assert (large / "report" / "index.html").exists()


def test_a_long_list_lies_in_several_files(large: Path) -> None:
    assert len(data(large, "list-0")) == 5000
    assert len(data(large, "list-1")) == 201
    assert len(data(large, "details-104")) == 1
    assert data(large, "summary")["counts"]["missing"] == 5201
