"""Disks that are full or read-only, for everything that writes: the reason is told, nothing is torn."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from run_fixtures import quick
from runs import run, with_

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.exports import EXPORTS
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.box_json import read_page
from locpipe.pipeline.output.parts import InputPart
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.pipeline.storage.urls import located
from locpipe.pipeline.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from locpipe.stages.errors import OutputError
from locpipe.stages.models.loading import find_model

Tree = Callable[[Path], dict[str, bytes]]
Break = Callable[[], object]
REMEDY = r"free space|choose another"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def leave_free(disk: Path, size: int) -> None:
    """Fill a disk but for so many bytes."""
    (disk / "filling").unlink(missing_ok=True)
    room = os.statvfs(disk)
    with (disk / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize - size))


@pytest.fixture(params=["full", "read-only"])
def broken(request: pytest.FixtureRequest, disk: Path) -> Break:
    """Makes the disk one that takes nothing."""
    if request.param == "full":
        return lambda: leave_free(disk, 0)
    return lambda: subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def locpipe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def words(finished: Path, disk: Path) -> dict[str, tuple[str | Path, ...]]:
    """Commands that write, with what they write to the disk."""
    run, picture = disk / "out", finished / "pictures" / "coffee.jpg"
    (finished / "gt").mkdir()
    for name in ("coffee", "text", "plain", "plain.page-2"):
        (finished / "gt" / f"{name}.txt").write_text("1,1,9,1,9,9,1,9,word\n")
    return {
        "run": ("run", "digits", "--input", finished / "pictures", "--output", run, "--workers", "0", "--force"),
        **{f"export {name}": ("export", run, "--to", name) for name in EXPORTS},
        "read": ("read", run, "--workers", "0"),
        "show": ("show", picture, "--config", "digits", "-o", disk / "figure.png"),
        "evaluate": ("evaluate", run, "--truth", finished / "gt", "-o", disk / "scores.json"),
        "render": ("render", "text", "--count", "1", "--output", disk / "render"),
        "report": ("report", run),
        "report embed": ("report", run, "--embed"),
        "metrics": ("run", "digits", "--input", picture, "--output", finished / "other", "--workers", "0", "--metrics", disk / "a.prom"),
        "shards": ("run", "digits", "--input", picture, "--output", disk / "shards", "--workers", "0", "--set", "output.layout=shards", "--set", "output.overlays=false"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        "run",
        *(f"export {name}" for name in EXPORTS),
        "read",
        "show",
        "evaluate",
        "render",
        "report",
        "report embed",
        "metrics",
        "shards",
    ],
)
def test_a_disk_that_takes_nothing_ends_a_command_with_the_reason(
    command: str, finished: Path, disk: Path, broken: Break, tree: Tree
) -> None:
    if command == "read" and shutil.which("tesseract") is None:
        pytest.skip("tesseract is not installed")
    shutil.copytree(finished / "out", disk / "out")
    before = tree(disk / "out")
    broken()
    done = locpipe(*words(finished, disk)[command])
    assert done.exit_code == 6, done.output
    assert str(disk) in done.output
    assert "Traceback" not in done.output
    assert re.search(REMEDY, done.output)
    after = tree(disk / "out")
    # A full disk takes links and empty files, which are whole: a page without words.
    new = {name: content for name, content in after.items() if before.get(name) != content}
    assert not any(
        content for name, content in new.items() if not (disk / "out" / name).is_symlink()
    )
    assert {file.name for file in disk.iterdir()} <= {"out", "filling", "render", "shards"}
    for folder in ("render", "shards", "out/report"):
        assert not [
            file for file in (disk / folder).rglob("*") if file.is_file() and file.stat().st_size
        ]
    assert not [file for file in (disk / "out" / "report").rglob("*") if file.is_file()]


@pytest.mark.parametrize("command", ["merge", "prune", "fetch"])
def test_a_run_that_cannot_be_changed_stays_as_it_is(
    command: str, finished: Path, disk: Path, broken: Break, tree: Tree
) -> None:
    pictures, out = finished / "pictures", disk / "out"
    bucket = f"memory://{disk.parent.name.replace('_', '-')}/out"
    if command == "prune":
        shutil.copytree(finished / "out", out)
        (pictures / "coffee.jpg").unlink()
    for n in (1, 2):
        if command == "merge":
            run(quick(pictures, out), part=InputPart(2, n))
    if command == "fetch":
        run(with_(quick(pictures, out), "output", path=located(bucket)))
    more = {"merge": (out,), "prune": (out, "--yes"), "fetch": (bucket, disk / "copy")}[command]
    before = tree(disk)
    broken()
    done = locpipe(command, *more)
    assert (done.exit_code, str(disk) in done.output) == (6, True), done.output
    assert re.search(REMEDY, done.output)
    after = tree(disk)
    assert {name: after.get(name) for name in before} == before
    assert not any(after[name] for name in after.keys() - before.keys() - {"filling"})
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    (disk / "filling").unlink(missing_ok=True)
    assert locpipe(command, *more).exit_code == 0


@pytest.mark.parametrize("command", ["train", "weigh", "calibrate"])
def test_a_model_is_whole_or_as_it_was(
    command: str, disk: Path, broken: Break, small_mnist: Path
) -> None:
    model = disk / "model"
    if command != "train":
        shutil.copytree(find_model("digits"), model)
    data = ("--data", small_mnist)
    quickly = ("--set", f"data={small_mnist}", "--set", "epochs=1", "--set", "batches=1")
    arguments = {
        "train": ("digits", "--output", model, *quickly),
        "weigh": (model, *data),
        "calibrate": (model, "--config", "digits", *data, "--canvases", "6"),
    }[command]
    before = {file.name: file.read_bytes() for file in disk.rglob("*") if file.is_file()}
    broken()
    done = locpipe(command, *arguments)
    assert (done.exit_code, str(disk) in done.output) == (6, True), done.output
    assert re.search(REMEDY, done.output)
    files = [file for file in disk.rglob("*") if file.is_file() and file.name != "filling"]
    assert {file.name: file.read_bytes() for file in files} == before


def test_a_checkpoint_is_whole_or_the_one_before(disk: Path, broken: Break) -> None:
    network = torch.nn.Linear(300, 300)
    optimizer = torch.optim.SGD(network.parameters(), momentum=0.9)
    network(torch.ones(300)).sum().backward()
    optimizer.step()
    checkpoint = Checkpoint(disk / "model", network, optimizer, {"seed": 1})
    checkpoint.save([])
    before = (disk / "model" / CHECKPOINT_FILE).read_bytes()
    broken()
    with pytest.raises(OutputError, match=f"{disk}.*({REMEDY})"):
        checkpoint.save([{"step": 1}])
    assert [file.name for file in (disk / "model").iterdir()] == [CHECKPOINT_FILE]
    assert (disk / "model" / CHECKPOINT_FILE).read_bytes() == before


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
def test_wherever_a_disk_becomes_full_the_next_run_ends_as_if_it_had_not(
    finished: Path, disk: Path, tree: Tree, step: int
) -> None:
    """Room for a bit more each time, so that masks, overlays, heatmaps, JSON, exports, state and reports fail in turn."""
    config = quick(finished / "pictures", disk / "out")
    wanted = {"overlays": True, "heatmaps": True, "exports": tuple(EXPORTS)}
    config = config.model_copy(update={"output": config.output.model_copy(update=wanted)})

    def run() -> int:
        try:
            return int(execute(config, Options(), RunExports)["exit_code"])
        except OutputError as error:
            said.append(str(error))
            return 6

    said: list[str] = []
    assert run() == 0
    whole = tree(disk / "out")
    size = sum(map(len, whole.values()))
    full = 0
    for share in range(0, 12, step):
        shutil.rmtree(disk / "out")
        leave_free(disk, 4096 * 20 + size * share // 10)
        code = run()
        assert code in (0, 6)
        full += code == 6
        for file in (disk / "out" / "boxes").rglob("*.json"):
            read_page(file)
            name = str(file.relative_to(disk / "out" / "boxes"))[:-5]
            for kind, suffix in (("masks", "png"), ("overlays", "jpg"), ("heatmaps", "png")):
                assert whole[f"{kind}/{name}.{suffix}"] == (disk / "out" / kind / f"{name}.{suffix}").read_bytes()  # fmt: skip
        if (disk / "out" / "run.json").exists() and code:
            assert json.loads((disk / "out" / "run.json").read_bytes())["state"] != "finished"
        (disk / "filling").unlink()
        assert run() == 0
        assert tree(disk / "out") == whole
    assert full * step >= 4
    assert all(str(disk) in one and "free space" in one for one in said), said
