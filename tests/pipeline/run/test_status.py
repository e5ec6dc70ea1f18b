"""What is told of a run from outside; one at work and one that was killed are in `test_stopping`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from locpipe.pipeline.output.lock import locked
from locpipe.pipeline.run.status import status, told
from locpipe.stages.errors import ConfigError


def test_a_finished_run_is_told_by_its_last_line(finished: Path) -> None:
    command = [sys.executable, "-m", "locpipe", "status", str(finished / "out")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("finished: 3 pictures done, 0 failed, 0 were done before; ")
    as_json = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(as_json) == json.loads((finished / "out" / "run.json").read_bytes())


def at_work(folder: Path, **more: Any) -> str:
    report = json.loads((folder / "run.json").read_bytes()) | {"state": "running"} | more
    (folder / "run.json").write_text(json.dumps(report))
    with locked(folder):
        return told(status(folder))


@pytest.mark.parametrize(
    ("seconds", "left"), [(40.0, "80 s left"), (600.0, "20 min left"), (7200.0, "4.0 h left")]
)
def test_a_run_at_work_tells_how_far_it_is_and_what_is_left(
    finished: Path, seconds: float, left: str
) -> None:
    counts = {"done": 8, "kept": 1, "failed": 1}
    told_now = at_work(finished / "out", todo=30, counts=counts, seconds=seconds)
    assert told_now.startswith("running: 10 of 30 pictures (33 %), 1 failed, ")
    assert told_now.endswith(left)


def test_before_the_first_picture_nothing_is_said_about_the_rest(finished: Path) -> None:
    counts = {"done": 0, "kept": 0, "failed": 0}
    assert "left" not in at_work(finished / "out", todo=30, counts=counts)


def test_a_failed_run_tells_why(finished: Path) -> None:
    report = json.loads((finished / "out" / "run.json").read_bytes())
    report |= {"state": "failed", "error": {"class": "OutputError", "message": "disk full"}}
    (finished / "out" / "run.json").write_text(json.dumps(report))
    assert told(status(finished / "out")) == "failed: OutputError: disk full"


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not the output of a run"):
        status(tmp_path)
