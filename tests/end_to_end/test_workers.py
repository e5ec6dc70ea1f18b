"""The same bytes, wherever the work runs."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster
from distributed import Client
from PIL import Image

from locpipe.stages.errors import LocpipeError

Tree = Callable[[Path], dict[str, bytes]]
RunHere = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = ("output.heatmaps=true", "boxes.max=3")


@pytest.fixture
def bad_too(pictures: Path) -> Path:
    """Good pictures, one of them with a broken colour profile, and one that is cut short."""
    with Image.open(pictures / "signs" / "text.PNG") as picture:
        picture.save(pictures / "signs" / "text.PNG", icc_profile=b"no profile")
    shutil.copy(pictures / "coffee.jpg", pictures / "signs" / "cut.jpg")
    with (pictures / "signs" / "cut.jpg").open("r+b") as file:
        file.truncate(5000)
    return pictures


def test_in_this_process_and_with_two_workers_it_is_the_same(
    bad_too: Path,
    tmp_path: Path,
    run_digits: RunHere,
    tree: Tree,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With one worker too, as `test_stopping` shows."""
    for workers in (0, 2):
        caplog.clear()
        report = run_digits(bad_too, tmp_path / f"{workers}", f"run.workers={workers}", *SETTINGS)
        assert report["exit_code"] == 3
        assert len(report["peak_memory"]) == max(1, workers)
        said = sorted(record.getMessage() for record in caplog.records if record.levelname == "WARNING")  # fmt: skip
        assert [line.partition(": ")[0] for line in said] == [
            f"'{bad_too}/signs/text.PNG'",
            "failed",
        ]
    assert len(tree(tmp_path / "0")) == 4 * 4 + 1
    assert tree(tmp_path / "2") == tree(tmp_path / "0")
    assert capfd.readouterr().err == "", "workers leave what there is to say to the parent"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and a worker that somebody else started, in a folder with its own `stages`."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "stages").mkdir()
    (elsewhere / "stages" / "__init__.py").write_text("raise ImportError('not ours')")
    with Cluster(elsewhere) as cluster:
        cluster.worker()
        cluster.wait_for(1)
        yield cluster


def test_a_running_cluster_gives_the_same_and_is_left_as_it_was(
    bad_too: Path, tmp_path: Path, locpipe: Run, run_digits: RunHere, tree: Tree, cluster: Cluster
) -> None:
    run_digits(bad_too, tmp_path / "here")
    arguments = ("run", "digits", "--input", bad_too, "--scheduler", cluster.address)
    there = locpipe(*arguments, "--output", tmp_path / "there")
    assert there.returncode == 3, there.stderr
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    report = json.loads((tmp_path / "there" / "run.json").read_bytes())
    assert report["config"]["run"]["scheduler"] == cluster.address
    with Client(cluster.address) as client:
        plugins = client.run(lambda dask_worker: list(dask_worker.plugins))
    assert not [name for names in plugins.values() for name in names if "locpipe" in name]


def test_a_scheduler_that_dies_ends_the_run_which_can_go_on(
    bad_too: Path,
    tmp_path: Path,
    run_digits: RunHere,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last test here, since it leaves no cluster."""
    with (bad_too / "endless.png").open("wb") as file:
        file.truncate(10**12)
    output = tmp_path / "out"

    def kill() -> None:
        while not list(output.glob(".locpipe/tmp/running-*")):
            time.sleep(0.05)
        cluster.scheduler.kill()

    for module in ("cluster", "dispatch"):
        monkeypatch.setattr(f"locpipe.pipeline.workers.{module}.GONE_SECONDS", 3)
    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(LocpipeError, match="run again to go on"):
        run_digits(bad_too, output, f"run.scheduler={cluster.address}")
    killer.join()
    said = json.loads((output / "run.json").read_bytes())
    assert (said["state"], said["exit_code"], said["error"]["class"]) == (
        "failed",
        1,
        "LocpipeError",
    )
    (bad_too / "endless.png").unlink()
    report = run_digits(bad_too, output)
    assert (report["counts"]["found"], report["counts"]["failed"]) == (5, 1)
