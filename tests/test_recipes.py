"""The recipes of docs/automation.md and docs/scale.md are what other programs take."""

import configparser
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[1] / "docs"


def block(page: str, beginning: str) -> str:
    """Return the indented block of a page that begins with a line."""
    text = (DOCS / page).read_text("utf-8")
    (found,) = re.findall(
        rf"^ {{4}}{re.escape(beginning)}.*\n(?:(?: {{4}}.*)?\n)*", text, re.MULTILINE
    )
    return textwrap.dedent(found).strip() + "\n"


def is_sound_shell(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_the_units_of_systemd_are_sound(tmp_path: Path) -> None:
    locpipe = Path(sys.executable).with_name("locpipe")
    for kind, beginning in (("service", "[Service]"), ("timer", "[Timer]")):
        unit = block("automation.md", beginning).replace("/path/.venv/bin/locpipe", str(locpipe))
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign] # keys as they are
        parser.read_string(unit)
        assert parser.sections()[0] == beginning[1:-1]
        (tmp_path / f"locpipe.{kind}").write_text(unit)
    if analyze := shutil.which("systemd-analyze"):
        files = sorted(map(str, tmp_path.iterdir()))
        said = subprocess.run([analyze, "verify", "--man=no", *files], capture_output=True, text=True, check=False)  # fmt: skip
        assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("page", "beginning"),
    [("scale.md", "#!/bin/bash"), ("scale.md", "parallel locpipe"), ("scale.md", "*/10 * * * *  flock")],
)  # fmt: skip
def test_scripts_are_sound_shell(page: str, beginning: str) -> None:
    text = block(page, beginning)
    assert is_sound_shell(text.replace("*/10 * * * *", ""))
    assert not is_sound_shell(text + "if")


def test_the_job_of_kubernetes_does_every_part_once() -> None:
    job = yaml.safe_load(block("scale.md", "apiVersion: batch/v1"))
    spec = job["spec"]
    assert (job["kind"], spec["completionMode"]) == ("Job", "Indexed")
    (container,) = spec["template"]["spec"]["containers"]
    (line,) = container["args"]
    assert is_sound_shell(line)
    assert f'--part "$((JOB_COMPLETION_INDEX + 1))/{spec["completions"]}"' in line
    volumes = {each["name"] for each in spec["template"]["spec"]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes


def test_the_job_of_slurm_does_every_part_once() -> None:
    script = block("scale.md", "#!/bin/bash")
    (last,) = re.findall(r"^#SBATCH --array=1-(\d+)$", script, re.MULTILINE)
    assert f'--part "$SLURM_ARRAY_TASK_ID/{last}"' in script
