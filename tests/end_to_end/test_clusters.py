"""Anybody's cluster: workers that hang, die, come, go and differ; networks that break."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, Network, killing_whoever_has
from distributed import Client, LocalCluster

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers.box_finder import BoxFinder
from locpipe.pipeline.workers.dispatch import at_work
from locpipe.pipeline.workers.messages import Job, Task
from locpipe.pipeline.workers.signals import Stop
from locpipe.pipeline.workers.time_limit import running_file
from locpipe.stages.errors import LocpipeError
from locpipe.stages.models.loading import find_model, verify_model

Tree = Callable[[Path], dict[str, bytes]]
RunHere = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers whose nannies start them again, at a scheduler that knows no better."""
    with Cluster(tmp_path_factory.mktemp("elsewhere")) as cluster:
        for _ in range(2):
            cluster.worker()
        cluster.wait_for(2)
        yield cluster


def pids(cluster: Cluster) -> set[int]:
    cluster.wait_for(2)
    with Client(cluster.address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


@pytest.fixture
def endless(pictures: Path) -> Path:
    """A hostile picture: a file of a terabyte, all holes, that is read for many minutes."""
    with (pictures / "endless.png").open("wb") as file:
        file.truncate(10**12)
    return pictures


@pytest.fixture
def many(pictures: Path) -> Path:
    """Work for some seconds."""
    for n in range(60):
        shutil.copy(pictures / "coffee.jpg", pictures / f"{n}.jpg")
    return pictures


def failure(output: Path) -> dict[str, Any]:
    (line,) = (output / "failures.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_a_picture_that_hangs_costs_one_worker(
    endless: Path, tmp_path: Path, run_digits: RunHere, cluster: Cluster
) -> None:
    before = pids(cluster)
    scheduler = f"run.scheduler={cluster.address}"
    report = run_digits(endless, tmp_path / "out", scheduler, "run.timeout=20")
    assert (report["counts"]["done"], report["counts"]["failed"]) == (4, 1)
    assert failure(tmp_path / "out")["error"] == "TimeoutError"
    assert len(before - pids(cluster)) == 1


def test_a_picture_that_kills_costs_two_workers_the_second_alone(
    endless: Path, tmp_path: Path, run_digits: RunHere, cluster: Cluster
) -> None:
    with killing_whoever_has(running_file(Path(), "endless.png").name) as killed:
        report = run_digits(endless, tmp_path / "out", f"run.scheduler={cluster.address}")
    assert len(killed) == 2
    assert (report["counts"]["done"], report["counts"]["failed"]) == (4, 1)
    found = failure(tmp_path / "out")
    assert (found["stage"], found["error"]) == ("load", "WorkerDied")


def cut_when_at_work(network: Network, output: Path, seconds: float) -> threading.Thread:
    def cut() -> None:
        while not list(output.glob("boxes/*.json")):
            time.sleep(0.02)
        network.cut(seconds)

    cutter = threading.Thread(target=cut)
    cutter.start()
    return cutter


def test_a_network_that_is_cut_for_a_while_loses_nothing(
    many: Path, tmp_path: Path, run_digits: RunHere, tree: Tree, cluster: Cluster
) -> None:
    """All connections break, as they do after longer; LOCPIPE_CUT=30 cuts for 30 s."""
    seconds = float(os.environ.get("LOCPIPE_CUT", "3"))
    run_digits(many, tmp_path / "whole")
    with Network(cluster.address) as network:
        cutter = cut_when_at_work(network, tmp_path / "out", seconds)
        report = run_digits(many, tmp_path / "out", f"run.scheduler={network.address}")
        cutter.join()
    assert report["exit_code"] == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def finder(config: Config, address: str) -> BoxFinder:
    prepare_output(config.output.path)
    run = config.run.model_copy(update={"scheduler": address, "workers": None})
    config = config.model_copy(update={"run": run})
    job = Job(config, config.sha256(), "digits", verify_model(find_model("digits")))
    return BoxFinder(job, RunExports(config))


def tasks(config: Config) -> list[Task]:
    return [Task(f"{n}.jpg", str(config.input.path / "coffee.jpg"), force=True) for n in range(200)]


def test_workers_may_come_and_go(config: Config, tmp_path: Path) -> None:
    """A worker without a nanny is killed for good, and a third one has joined meanwhile."""
    with Cluster(tmp_path) as cluster:
        dying = cluster.worker("--no-nanny")
        cluster.wait_for(1)
        worker, address = finder(config, cluster.address), cluster.address
        late, seen, done = "", set[str](), 0
        with at_work(worker, worker.job.config.run, tasks(config), 200, Stop()) as outcomes:
            for outcome in outcomes:
                done += outcome.status == "done"
                seen.add(outcome.worker)
                if done == 1:
                    cluster.worker("--no-nanny")
                    cluster.wait_for(2)
                if len(seen) == 2 and not late:
                    late = outcome.worker
                    dying.kill()
    assert (done, len(seen), address in seen) == (200, 2, False)


OLDER = """
import locpipe.stages.version

locpipe.stages.version.__version__ = "0.0.1"
"""


def test_a_worker_of_another_version_that_joins_late_says_so(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "older.py").write_text(OLDER)
    with Cluster(tmp_path) as cluster:
        cluster.worker()
        cluster.wait_for(1)
        worker = finder(config, cluster.address)
        with at_work(worker, worker.job.config.run, tasks(config), 200, Stop()) as outcomes:
            next(outcomes)
            cluster.worker("--preload", str(tmp_path / "older.py"))
            cluster.wait_for(2)
            with pytest.raises(LocpipeError, match=r"has locpipe 0.0.1, here is .*; install the"):
                list(outcomes)


def test_an_adaptive_cluster_may_start_from_nothing_and_shrink_to_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locpipe.pipeline.workers.dispatch.LOOK_SECONDS", 0.05)
    silent = {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None, scheduler_kwargs=silent) as adaptive:  # fmt: skip
        adaptive.adapt(minimum=0, maximum=1, interval="100ms", wait_count=5)
        worker = finder(config, adaptive.scheduler_address)
        with at_work(worker, worker.job.config.run, tasks(config)[:3], 3, Stop()) as outcomes:
            for _ in range(3):
                assert next(outcomes).status == "done"
            deadline = time.monotonic() + 30
            while adaptive.scheduler_info["workers"]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            started = time.monotonic()
            assert list(outcomes) == []
            assert time.monotonic() - started < 5
