"""A run reads back as it was written; what is no whole run is told, and what to do about it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.lock import LockedError, locked
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.stages.errors import ConfigError, ImageError
from locpipe.stages.geometry.box import Box


def documents(out: Path) -> dict[str, Any]:
    return {
        str(file.relative_to(out / "boxes")): json.loads(file.read_bytes())
        for file in out.rglob("boxes/**/*.json")
    }


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **values}))


def test_every_page_is_read_as_it_was_written(finished: Path) -> None:
    run = open_run(finished / "out")
    pages = list(run.pages())
    assert [page.name for page in pages] == [
        "coffee.jpg",
        "plain.tif",
        "plain.tif.page-2",
        "signs/text.PNG",
    ]
    for page in pages:
        document = documents(finished / "out")[f"{page.name}.json"]
        assert page.document == document
        assert (page.width, page.height) == (
            document["image"]["width"],
            document["image"]["height"],
        )
        assert len(page.boxes) == len(document["boxes"])
        assert run.picture(page) == finished / "pictures" / page.key
    first = pages[-1].boxes[0]
    assert isinstance(first, Box)
    assert (
        list(first.rect) == documents(finished / "out")["signs/text.PNG.json"]["boxes"][0]["rect"]
    )
    assert run.failures == ()


def test_failures_come_along(config: Any, pictures: Path) -> None:
    (pictures / "empty.png").touch()
    execute(config, Options(), RunExports)
    (failure,) = open_run(config.output.path).failures
    assert (failure.path, failure.stage) == ("empty.png", "load")


def test_pages_are_counted_not_spelled(finished: Path) -> None:
    boxes = finished / "out" / "boxes"
    for number in (10, 3):
        document = json.loads((boxes / "plain.tif.json").read_bytes())
        document["image"]["page"] = number
        (boxes / f"plain.tif.page-{number}.json").write_text(json.dumps(document))
    pages = [page.page for page in open_run(finished / "out").pages() if page.key == "plain.tif"]
    assert pages == [1, 2, 3, 10]


@pytest.mark.parametrize("pattern", ["*.[jJ]*", "coffee.jpg", "list.txt"])
def test_pictures_are_found_wherever_the_run_took_them_from(finished: Path, pattern: str) -> None:
    (finished / "list.txt").write_text(f"{finished}/pictures/coffee.jpg\n")
    source = finished / pattern if pattern == "list.txt" else finished / "pictures" / pattern
    run = open_run(finished / "out", source)
    page = next(page for page in run.pages() if page.key == "coffee.jpg")
    assert run.picture(page) == finished / "pictures" / "coffee.jpg"


def told(folder: Path, pictures: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        list(open_run(folder, pictures).pages())
    return str(caught.value)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    assert "is not the output of a run (no run.json)" in told(tmp_path)
    assert "is not the output of a run" in told(tmp_path / "nowhere")


def test_a_run_that_has_not_come_to_its_end(finished: Path) -> None:
    out = finished / "out"
    report = (out / "run.json").read_bytes()
    for values in (
        {"exit_code": 130},
        {"state": "finished", "exit_code": 143},
        {"state": "running", "exit_code": None},
    ):
        change(out / "run.json", **values)
        assert f"{out}: this run was stopped; run it again to its end first" == told(out)
        (out / "run.json").write_bytes(report)
    (out / "run.json").unlink()
    assert "was stopped; run it again to its end" in told(out)


def test_a_run_that_failed_says_why(finished: Path) -> None:
    out = finished / "out"
    error = {"class": "OutputError", "message": "the disk is full"}
    change(out / "run.json", state="failed", exit_code=6, error=error)
    assert "this run failed (OutputError: the disk is full); run it again to its end" in told(out)


@pytest.mark.parametrize("state", ["running", None])
def test_a_run_at_work_is_told_from_one_that_was_stopped(finished: Path, state: str | None) -> None:
    out = finished / "out"
    if state is None:
        (out / "run.json").unlink()
    else:
        change(out / "run.json", state=state)
    with locked(out), pytest.raises(LockedError, match="another run is at work"):
        open_run(out)
    assert "was stopped" in told(out)


@pytest.mark.parametrize("state", [{}, {"state": "finished"}])
def test_a_finished_run_needs_no_state_of_the_next_run(
    finished: Path, state: dict[str, str]
) -> None:
    """What locpipe 0.1.0 wrote says no state either."""
    report = json.loads((finished / "out" / "run.json").read_bytes())
    report.pop("state", None)
    (finished / "out" / "run.json").write_text(json.dumps(report | state))
    shutil.rmtree(finished / "out" / ".locpipe")
    assert list(open_run(finished / "out").pages())


def test_another_version(finished: Path) -> None:
    change(finished / "out" / "boxes" / "coffee.jpg.json", schema="locpipe/boxes/9")
    assert "coffee.jpg.json: is 'locpipe/boxes/9', this locpipe reads 'locpipe/boxes/1'" in told(finished / "out")  # fmt: skip
    change(finished / "out" / "run.json", schema="locpipe/run/9")
    assert "run.json: is 'locpipe/run/9'" in told(finished / "out")
    shutil.rmtree(finished / "out" / "boxes")


@pytest.mark.parametrize("content", ["", "[1]", '{"schema": "locpipe/run/1"}'])
def test_a_damaged_report(finished: Path, content: str) -> None:
    (finished / "out" / "run.json").write_text(content)
    assert re.search(r"run\.json.*run again", told(finished / "out"))


@pytest.mark.parametrize("missing", ["background", "max_megapixels"])
def test_a_report_that_does_not_say_how_pictures_were_decoded(finished: Path, missing: str) -> None:
    file = finished / "out" / "run.json"
    report = json.loads(file.read_bytes())
    del report["config"]["input"][missing]
    file.write_text(json.dumps(report))
    assert re.search(rf"run\.json .* damaged .*{missing}.*run again", told(finished / "out"), re.DOTALL)  # fmt: skip


def test_damaged_boxes(finished: Path) -> None:
    file = finished / "out" / "boxes" / "coffee.jpg.json"
    good = file.read_bytes()
    for bad in (
        good[:40],
        b"[]",
        good.replace(b'"rect"', b'"rekt"'),
        good.replace(b'"path"', b'"p"'),
    ):
        file.write_bytes(bad)
        assert "coffee.jpg.json" in told(finished / "out")
        assert "remove it and run again" in told(finished / "out")
    file.write_bytes(good)


def test_a_result_may_not_lead_out_of_its_folder(finished: Path) -> None:
    file = finished / "out" / "boxes" / "coffee.jpg.json"
    document = json.loads(file.read_bytes())
    document["image"]["path"] = "../../x.jpg"
    file.write_text(json.dumps(document))
    assert "is about another picture, '../../x.jpg'" in told(finished / "out")


def test_pictures_that_are_gone_or_changed_are_named(finished: Path) -> None:
    run = open_run(finished / "out")
    pages = {page.key: page for page in run.pages()}
    (finished / "pictures" / "coffee.jpg").unlink()
    with pytest.raises(ImageError, match=r"'coffee.jpg': is no longer at /.*coffee.jpg; put it"):
        run.picture(pages["coffee.jpg"])
    with (finished / "pictures" / "signs" / "text.PNG").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ImageError, match=r"'signs/text.PNG': was changed since the run"):
        run.picture(pages["signs/text.PNG"])


def test_a_folder_of_pictures_that_has_moved(finished: Path) -> None:
    (finished / "pictures").rename(finished / "moved")
    assert "say with --input where they lie now" in told(finished / "out")
    run = open_run(finished / "out", finished / "moved")
    assert {run.picture(page).is_file() for page in run.pages()} == {True}


def test_a_list_that_lost_a_picture(finished: Path) -> None:
    (finished / "list.txt").write_text(f"{finished}/pictures/signs/text.PNG\n")
    run = open_run(finished / "out", finished / "list.txt")
    (finished / "pictures" / "coffee.jpg").unlink()
    first, *_, last = run.pages()
    assert run.picture(last) == finished / "pictures" / "signs" / "text.PNG"
    with pytest.raises(ImageError, match=r"'coffee.jpg': is no longer at .*; put it back, or say"):
        run.picture(first)


def test_a_run_is_read_exported_and_scored_without_torch() -> None:
    program = (
        "import sys, locpipe.pipeline.export.write, locpipe.pipeline.ocr.run\n"
        "import locpipe.pipeline.evaluation.evaluate, locpipe.pipeline.evaluation.wsol.evaluate\n"
        "print('locpipe.stages.geometry.box' in sys.modules, 'torch' in sys.modules)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert printed.split() == ["True", "False"]
