"""Failures are written and read back, whatever their pictures are called."""

import json
from pathlib import Path

from locpipe.pipeline.output.failures import FAILURES, Failure, read_failures, write_failures

TWO = [
    Failure("a\udcff.jpg", "load", "ImageError", "cut short; copy it again", 1),
    Failure("ü.jpg", "infer", "WorkerDied", "line 1\nline 2", 3),
]


def test_failures_are_read_as_they_were_written(output: Path) -> None:
    write_failures(output, FAILURES, TWO)
    assert list(read_failures(output / "failures.jsonl")) == TWO


def test_a_line_has_what_scripts_look_for(output: Path) -> None:
    write_failures(output, FAILURES, TWO)
    first, second = (output / FAILURES).read_text("ascii").splitlines()
    assert json.loads(second) == {
        "path": "ü.jpg",
        "page": None,
        "stage": "infer",
        "error": "WorkerDied",
        "message": "line 1\nline 2",
        "attempts": 3,
    }
    assert json.loads(first)["path"] == "a\udcff.jpg"


def test_no_failure_is_an_empty_file(output: Path) -> None:
    write_failures(output, FAILURES, [])
    assert (output / FAILURES).read_bytes() == b""
