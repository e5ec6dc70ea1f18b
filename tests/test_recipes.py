"""The recipes of docs/automation.md, docs/clusters.md and docs/scale.md are what other programs take."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from dask_jobqueue.slurm import SLURMCluster

KUBERNETES = "1.34"
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
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
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


def test_a_schema_refuses_what_kubernetes_does_not_know() -> None:
    job = yaml.safe_load(block("scale.md", "apiVersion: batch/v1"))
    job["spec"]["completion"] = "Indexed"
    with pytest.raises(kubernetes_validate.ValidationError, match="completion"):
        kubernetes_validate.validate(job, KUBERNETES, strict=True)


def test_the_program_for_slurm_asks_for_workers_of_one_thread() -> None:
    tree = ast.parse(block("clusters.md", "import subprocess, sys\n    from dask_jobqueue"))
    (call,) = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and ast.unparse(each.func) == "SLURMCluster"]  # fmt: skip
    options = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    here = {"host": "127.0.0.1:0", "dashboard_address": "127.0.0.1:0"}
    with SLURMCluster(**options, scheduler_options=here) as cluster:
        script = cluster.job_script()
    assert is_sound_shell(script)
    assert {"#SBATCH -p cpu", "#SBATCH -n 1", "#SBATCH --mem=4G"} <= set(script.splitlines())
    assert " --nthreads 1 --memory-limit 3.73GiB " in script


def test_the_line_of_cron_does_nothing_while_another_one_is_at_work(tmp_path: Path) -> None:
    line = block("scale.md", "*/10 * * * *  flock").removeprefix("*/10 * * * *")
    line = line.replace("/tmp/inbox.lock", str(tmp_path / "lock")).replace("locpipe", "echo locpipe")  # fmt: skip
    alone = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert alone.stdout.count("locpipe r") == 2
    held = f"exec 9>{tmp_path / 'lock'}; flock 9; {line}"
    beside = subprocess.run(["bash", "-c", held], capture_output=True, text=True, check=False)
    assert (beside.returncode, beside.stdout) == (1, "")
