"""The first thing a newcomer does: a shipped config on the pictures that ship."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from locpipe.pipeline.inputs import open_source
from locpipe.stages.load import EXTENSIONS, probe

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
SMALL = 1.0  # megapixels: the big ones take too long for every test run

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small_samples(tmp_path: Path) -> Path:
    paths = [Path(picture.path) for picture in open_source(SAMPLES, tmp_path, EXTENSIONS)]
    chosen = [path for path in paths if probe(path).megapixels < SMALL]
    assert len(chosen) >= 3
    manifest = tmp_path / "small.txt"
    manifest.write_text("\n".join(map(str, chosen)))
    return manifest


@pytest.mark.parametrize("config", ["text", "digits"])
def test_a_shipped_config_runs_as_it_is(
    config: str, small_samples: Path, tmp_path: Path, locpipe: Run
) -> None:
    arguments = ("run", config, "--input", small_samples, "--output", tmp_path / "out", "--workers", "0")  # fmt: skip
    done = locpipe(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count = len(small_samples.read_text().splitlines())
    assert json.loads(done.stdout)["counts"]["done"] == count
    for kind in ("boxes", "masks", "overlays"):
        assert len(list((tmp_path / "out" / kind).iterdir())) == count


def test_pictures_that_ship_are_found_by_default(locpipe: Run, tmp_path: Path) -> None:
    done = locpipe("run", "text", "--output", tmp_path, "--dry-run", cwd=ROOT)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) >= 12
    assert all(line.startswith("process: new: ") for line in lines)
