"""The comparison as a whole, on two small photographs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "samples"


def compare(data: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, ROOT / "benchmarks" / "quality.py"]
    command += ["--data", data, "--work", work]
    command += ["--results", work / "results", "--workers", "0", *options]
    return subprocess.run(
        command,
        # No program is found by its name: neither is Tesseract.
        env={"PATH": str(work)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "text" / "icdar2013_train"
    for kind, name in (("images", "circuit_board.jpg"), ("gt", "gt/circuit_board.txt")):
        (folder / kind).mkdir(parents=True)
        shutil.copy(SAMPLES / name, folder / kind)
    return tmp_path / "data"


def test_the_table_has_ours_and_says_why_others_are_missing(data: Path, tmp_path: Path) -> None:
    done = compare(data, tmp_path / "work", "--detectors", "tesseract", "--speed", "0")
    assert done.returncode == 0, done.stderr
    assert "1 of icdar2013_train" in done.stdout
    ours, theirs = done.stdout.splitlines()[-3:-1]
    assert ours.startswith("| **locpipe `text`** | word |")
    assert "missing: no program `tesseract` here" in theirs
    results = tmp_path / "work" / "results"
    assert (results / "quality.md").read_text() in done.stdout
    document = json.loads((results / "quality.json").read_text())
    assert len(document["model_sha256"]) == 64
    assert document["rows"][0]["sets"]["icdar2013_train"]["pictures"] == 1


def test_an_unknown_detector_is_refused(data: Path, tmp_path: Path) -> None:
    done = compare(data, tmp_path / "work", "--detectors", "mser,oracle")
    assert done.returncode == 1
    assert "no oracle; known are craft, ppocr-v4-mobile" in done.stderr
