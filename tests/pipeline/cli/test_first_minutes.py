"""What somebody sees in the first minutes: where results go, what to look at, why nothing is there."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.run.doctor import Finding


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder with one small picture of something, and a config that runs on it in no time."""
    (tmp_path / "few").mkdir()
    pixels = np.zeros((40, 60), np.uint8)
    pixels[10:30, 20:25] = 255
    Image.fromarray(pixels).save(tmp_path / "few" / "a.png")
    config = f"model: digits\nheatmap: {{labels: [text]}}\noutput: {{path: {tmp_path / 'out'}}}\nrun: {{workers: 0}}\n"
    (tmp_path / "few.yaml").write_text(config)
    return tmp_path


def test_the_first_line_says_where_results_go_if_nobody_did(few: Path) -> None:
    config, pictures, out = few / "few.yaml", few / "few", few / "out"
    first = call("run", config, "--input", pictures, "--dry-run").stderr.splitlines()[0]
    assert first == f"results go to {out} ({config}:3); --output DIR chooses another folder"
    for given in (["--output", few / "other"], ["-q"]):
        done = call("run", config, "--input", pictures, "--dry-run", *given)
        assert "results go to" not in done.stderr


def test_a_first_run_says_where_to_look_and_what_is_next(few: Path) -> None:
    arguments: list[str | Path] = ["run", few / "few.yaml", "--input", few / "few"]
    lit = ["--set", "threshold.value=0", "--set", "output.overlays=true"]
    said = call(*arguments, *lit).stderr
    assert f"look at {few / 'out'}/overlays" in said
    assert f"next: locpipe report {few / 'out'} (all pictures in a browser), locpipe read " in said
    assert said.splitlines()[-1].startswith("1 pictures done")
    assert "next: " not in call(*arguments, *lit).stderr


def test_a_run_without_a_box_says_why(few: Path) -> None:
    arguments: list[str | Path] = ["run", few / "few.yaml", "--input", few / "few", "--force"]
    high = call(*arguments, "--set", "threshold.value=1").stderr
    assert "0 boxes on 1 pictures: the largest score was " in high
    assert "and threshold.value is 1; see --set threshold.value" in high
    small = ["--set", "threshold.value=0", "--set", "boxes.min_area=99999"]
    assert "every region was too small; see --set boxes.min_area" in call(*arguments, *small).stderr
    spread = ["--set", "threshold.method=mean_std", "--set", "threshold.k=90"]
    assert "see --set threshold.k\n" in call(*arguments, *spread).stderr


def test_the_doctor_ends_with_one_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("python", "3"), Finding("disk", "full", ok=False)]
    monkeypatch.setattr("locpipe.pipeline.cli.doctor.examine", lambda _: findings)
    wrong = call("doctor")
    assert (wrong.exit_code, wrong.stdout.splitlines()[-1]) == (1, "1 wrong: disk")
    assert call("doctor", "-q").stdout == "WRONG disk: full\n1 wrong: disk\n"
    del findings[1]
    well = call("doctor")
    assert (well.exit_code, well.stdout.splitlines()[-1]) == (
        0,
        "all is well: locpipe can work here",
    )
    assert call("doctor", "-q").stdout == ""
