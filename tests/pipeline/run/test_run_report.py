"""run.json says what happened, however a run ends."""

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ByteSize
from runs import run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.lock import LockedError
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.stages.errors import ConfigError, OutputError


def said(config: Config) -> dict[str, Any]:
    report = json.loads((config.output.path / "run.json").read_bytes())
    assert isinstance(report, dict)
    return report


class Interrupted(RunExports):
    """What happens as the last picture is done, before the run ends."""

    what: Callable[[], object]

    def finish(self, incomplete: frozenset[str]) -> int:
        type(self).what()
        return super().finish(incomplete)


def run_with(config: Config, what: Callable[[], object]) -> dict[str, Any]:
    config = with_(config, "output", exports=("icdar",))  # else nothing is asked to finish
    exports = type("Now", (Interrupted,), {"what": staticmethod(what)})
    return execute(config, Options(), exports)


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_run_says_that_it_is_at_work_and_then_that_it_is_not(config: Config) -> None:
    def look() -> None:
        report = said(config)
        assert (report["state"], "exit_code" in report) == ("running", False)
        assert report["config_sha256"] == config.sha256()
        with pytest.raises(LockedError):
            open_run(config.output.path)

    assert run_with(config, look)["state"] == "finished"
    assert (said(config)["state"], said(config)["exit_code"]) == ("finished", 0)
    assert "error" not in said(config)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OutputError("full; free space"), 6, "full; free space"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("so"), 1, "so"),
    ],
)
def test_a_run_that_fails_says_so(
    config: Config, error: BaseException, code: int, message: str
) -> None:
    (config.input.path / "empty.png").touch()
    with pytest.raises(type(error)):
        run_with(config, fail_with(error))
    report = said(config)
    assert (report["state"], report["exit_code"]) == ("failed", code)
    assert report["error"] == {"class": type(error).__name__, "message": message}
    assert (report["counts"]["done"], report["counts"]["failed"]) == (4, 1)
    assert len((config.output.path / "failures.jsonl").read_text().splitlines()) == 1
    with pytest.raises(ConfigError, match="run it again to its end first"):
        open_run(config.output.path)


def test_a_run_that_fails_before_it_has_looked_at_all_pictures_keeps_the_list_of_failures(
    config: Config, tmp_path: Path
) -> None:
    (config.input.path / "empty.png").touch()
    run(config)
    before = (config.output.path / "failures.jsonl").read_bytes()
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"{config.input.path}/coffee.jpg\n{config.input.path}/./coffee.jpg\n")
    with pytest.raises(ConfigError, match="listed twice"):
        run(with_(config, "input", path=manifest, root=config.input.path))
    assert (said(config)["state"], said(config)["exit_code"]) == ("failed", 2)
    assert (config.output.path / "failures.jsonl").read_bytes() == before


def test_a_run_that_is_stopped_says_so(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    write = RunExports.write

    def stop(self: RunExports, *given: Any) -> None:
        monkeypatch.undo()  # a second signal would end us at once
        os.kill(os.getpid(), signal.SIGTERM)
        write(self, *given)

    monkeypatch.setattr(RunExports, "write", stop)
    report = run(config)
    assert (report["state"], report["exit_code"]) == ("stopped", 143)
    with pytest.raises(ConfigError, match="this run was stopped; run it again"):
        open_run(config.output.path)
    assert run(config)["state"] == "finished"


@contextmanager
def full_small_disk(folder: Path) -> Iterator[None]:
    """A real disk without a free byte; whoever may not mount one gets the nearest to it."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "filling").open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_a_full_disk_leaves_no_report_of_the_run_before(config: Config, tmp_path: Path) -> None:
    small = with_(config, "output", path=tmp_path / "disk")
    with full_small_disk(tmp_path / "disk"):
        assert run(small)["exit_code"] == 0
        fill(tmp_path / "disk")
        with pytest.raises(OutputError, match="No space left on device"):
            run(small, force=True)
        with pytest.raises(ConfigError, match="run it again to its end first"):
            open_run(small.output.path)
        (tmp_path / "disk" / "filling").unlink()
        assert run(small)["state"] == "finished"


def test_files_that_may_not_grow_leave_no_report_of_the_run_before(config: Config) -> None:
    """As a full disk, for any user."""
    run(config)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(OutputError, match=r"\(File too large\)"):
            run(config, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (config.output.path / "run.json").exists()
    assert run(config)["state"] == "finished"


def test_a_disk_that_gets_full_while_a_run_is_at_work(config: Config) -> None:
    """Not even how it ended can be written, so run.json says "running", and nobody is."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        raise OutputError(*["full; free space"])

    try:
        with pytest.raises(OutputError, match="full; free space"):
            run_with(config, full)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert said(config)["state"] == "running"
    with pytest.raises(ConfigError, match="this run was stopped; run it again"):
        open_run(config.output.path)


def test_a_state_that_cannot_be_opened_is_what_the_report_tells(config: Config) -> None:
    run(config)
    state = config.output.path / ".locpipe" / "state.sqlite"
    state.unlink()
    state.mkdir()
    with pytest.raises(OutputError, match=r"state.sqlite: "):
        run(config)
    error: Mapping[str, str] = said(config)["error"]
    assert (said(config)["exit_code"], error["class"]) == (6, "OutputError")


def test_too_little_memory_for_a_part_is_said_once_with_the_least_that_works(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    few = with_(config, "run", memory=ByteSize(1))
    report = run(few)
    least = report["least_run_memory"]
    assert (report["exit_code"], report["counts"]["done"]) == (0, 4)
    assert least > 1
    (line,) = [one for one in caplog.messages if "run.memory" in one]
    assert "inference took more than 1B" in line
    assert f"the least that works for these pictures is {-(-least // 2**20)}MiB" in line
    caplog.clear()
    again = run(with_(config, "run", memory=ByteSize(least)), force=True)
    assert again["least_run_memory"] == 0
    assert "run.memory" not in caplog.text
