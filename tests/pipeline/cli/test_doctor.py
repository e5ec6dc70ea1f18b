"""The doctor finds what is there, and says what is wrong."""

import json
import shutil
from importlib.metadata import Distribution, version
from pathlib import Path

import pytest
from click.testing import CliRunner

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.run.doctor import Finding, examine
from locpipe.stages.models.loading import find_model


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


def test_it_looks_at_versions_cores_memory_operators_models_and_output(config: Config) -> None:
    found = by_name(examine(config))
    assert found.keys() >= {"python", "torch", "bfloat16", "cores given to us", "memory given to us", "worker processes", "PATH", "OpenCV distributions", "torchvision operators", "model digits", "workers", "infer.engine", "output.path"}  # fmt: skip
    assert found["output.path"].found.endswith("can be written")
    assert not config.output.path.exists()


def test_an_output_that_cannot_be_written_is_wrong(config: Config) -> None:
    output = config.output.model_copy(update={"path": Path("/proc/nothing")})
    finding = by_name(examine(config.model_copy(update={"output": output})))["output.path"]
    assert not finding.ok
    assert finding.found.startswith("/proc cannot be written: ")


def test_a_machine_that_starts_no_processes_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where /dev/shm is read-only; `test_machine.py` makes it so."""
    reason = "processes need shared semaphores"
    monkeypatch.setattr("locpipe.pipeline.run.doctor.why_no_processes", lambda: reason)
    assert by_name(examine(None))["worker processes"] == Finding("worker processes", reason, ok=False)  # fmt: skip
    printed = CliRunner().invoke(main, ["doctor"])
    assert printed.exit_code == 1
    assert f"WRONG worker processes: {reason}" in printed.stdout


def test_two_distributions_of_opencv_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "opencv_python_headless-4.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Name: opencv-python-headless\nVersion: 4.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Distribution.from_name("opencv-python-headless").version == "4.0"
    finding = by_name(examine(None))["OpenCV distributions"]
    assert not finding.ok
    assert "pip uninstall -y opencv-python opencv-python-headless" in finding.found
    same = f"Name: opencv-python-headless\nVersion: {version('opencv-python')}\n"
    (other / "METADATA").write_text(same)
    assert by_name(examine(None))["OpenCV distributions"].ok


@pytest.mark.parametrize("package", ["torch", "something"])
def test_what_pip_left_of_a_package_is_no_internal_error(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{package}-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    found = by_name(examine(None))
    assert found["OpenCV distributions"].ok
    assert found["torch"].ok == (package != "torch")


@pytest.mark.parametrize("missing", ["no_such_operator", None])
def test_a_torchvision_of_another_build_is_told_with_what_mends_it(
    missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locpipe.pipeline.run.doctor.OPERATORS", (missing,) if missing else ())
    finding = by_name(examine(None))["torchvision operators"]
    assert finding.ok
    assert ("pip install torch torchvision --index-url" in finding.found) == bool(missing)


def test_an_extra_that_was_left_out_is_told_but_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locpipe.stages.nets.backbones.find_spec", lambda _: None)
    finding = by_name(examine(None))["model objects"]
    assert finding.ok
    assert "'locpipe[objects]'" in finding.found


def test_a_damaged_model_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(find_model("digits"), tmp_path / "digits")
    (tmp_path / "digits" / "weights.safetensors").write_bytes(b"")
    monkeypatch.setattr("locpipe.pipeline.run.doctor.list_models", lambda: [tmp_path / "digits"])
    assert not by_name(examine(None))["model digits"].ok


def test_the_command_prints_it_for_people_and_machines() -> None:
    assert "cores given to us: " in CliRunner().invoke(main, ["doctor"]).stdout
    printed = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    assert {"what", "found", "ok"} == printed[0].keys()
