"""The README's first command on the samples, and the quality of what it finds."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from locpipe.pipeline.evaluation.evaluate import evaluate

ROOT = Path(__file__).resolve().parents[2]
GT = ROOT / "data" / "samples" / "gt"
RECORDED = json.loads((Path(__file__).parent / "quality.json").read_text())
PROTOCOLS = ("icdar2015", "deteval")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after the README's first command: what it says, run by a shell, has run in it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "data"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (block,) = re.findall(
        r"## Set up and run\n\n```sh\n(.*)\n```", (ROOT / "README.md").read_text()
    )
    *_, run = block.split(" && ")
    assert run.startswith(".venv/bin/locpipe run ")
    done = subprocess.run(
        ["sh", "-c", run], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def results(clone: Path) -> Path:
    return clone / "out" / "text"


def in_percent(run: Path) -> dict[str, float]:
    totals = evaluate(run, GT, protocols=PROTOCOLS).totals
    return {name: 100 * total.score.h for name, total in totals.items()}


def test_the_readmes_first_command_writes_what_the_readme_says(results: Path) -> None:
    report = json.loads((results / "run.json").read_text())
    assert report["counts"]["done"] == report["counts"]["found"] == len(list(GT.iterdir()))
    for kind in ("boxes/bus_stop.jpg.json", "masks/bus_stop.jpg.png", "overlays/bus_stop.jpg.jpg"):
        assert (results / kind).is_file()
    assert (results / "failures.jsonl").read_text() == ""


def test_text_is_found_as_well_as_recorded(results: Path) -> None:
    assert in_percent(results) == pytest.approx(RECORDED["float32"], abs=RECORDED["points"])


def shifted(document: dict[str, Any], share: float) -> dict[str, Any]:
    """Return the boxes of a picture moved to the right and down by a share of their sides."""
    for box in document["boxes"]:
        left, top, right, bottom = box["rect"]
        across, down = share * (right - left), share * (bottom - top)
        box["polygon"] = [[x + across, y + down] for x, y in box["polygon"]]
    return document


def test_boxes_that_are_off_by_a_fifth_would_be_noticed(results: Path, tmp_path: Path) -> None:
    """So that the numbers above measure where boxes lie."""
    shutil.copytree(results, tmp_path / "off")
    for file in (tmp_path / "off" / "boxes").iterdir():
        file.write_text(json.dumps(shifted(json.loads(file.read_text()), 0.2)))
    right, off = in_percent(results), in_percent(tmp_path / "off")
    for protocol in PROTOCOLS:
        assert off[protocol] < right[protocol] - 2 * RECORDED["points"]
