"""How many workers, with how much memory, and schedulers that do not answer."""

import errno
import gc
import logging
import os
import socket
from dataclasses import replace

import dask
import psutil
import pytest
from clusters import Unlucky
from distributed import LocalCluster, Scheduler

from locpipe.pipeline.config.sections import Config, RunConfig
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers import cluster, dispatch
from locpipe.pipeline.workers.box_finder import BoxFinder
from locpipe.pipeline.workers.cluster import open_client, share_of_memory, workers_of
from locpipe.pipeline.workers.dispatch import at_work
from locpipe.pipeline.workers.machine import CORES, MEMORY
from locpipe.pipeline.workers.messages import Job, Task
from locpipe.pipeline.workers.signals import Stop
from locpipe.stages.errors import ConfigError, LocpipeError
from locpipe.stages.models.loading import find_model, verify_model


def test_workers_times_threads_are_the_cores_given_to_us() -> None:
    assert workers_of(RunConfig()) == CORES
    assert workers_of(RunConfig(threads=CORES)) == 1
    assert workers_of(RunConfig(threads=CORES + 5)) == 1
    assert workers_of(RunConfig(workers=7, threads=2)) == 7


def recorded_spans(dask_scheduler: Scheduler) -> int:
    return len(dask_scheduler.extensions["spans"].spans)


def test_a_long_run_keeps_no_old_messages_and_no_profiles() -> None:
    """Else the parent grows by the pictures and results of the last 1,000 messages."""
    with open_client(RunConfig(workers=1), 1) as client:
        for n in range(40):
            client.submit(len, (n,), pure=False).result()
        assert len(vars(client.scheduler_comm)["recent_message_log"]) <= 10
        assert client.run_on_scheduler(recorded_spans) == 0
        profiled = client.run(dask.config.get, "distributed.worker.profile.enabled")
        assert list(profiled.values()) == [False]


def test_workers_share_the_memory_given_to_us() -> None:
    assert share_of_memory(RunConfig(workers=4)) == MEMORY // 4
    assert share_of_memory(RunConfig(workers=0)) == MEMORY
    assert share_of_memory(RunConfig.model_validate({"memory_limit": "1GiB"})) == 2**30


def test_workers_that_do_not_start_get_no_memory() -> None:
    assert workers_of(RunConfig(workers=4), pictures=1) == 1
    assert share_of_memory(RunConfig(workers=4), pictures=1) == MEMORY
    assert share_of_memory(RunConfig(workers=4), pictures=3) == MEMORY // 3


def test_as_many_workers_start_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MEMORY", 8 * 2**30)
    monkeypatch.setattr(cluster, "CORES", 16)
    assert workers_of(RunConfig()) == 10
    assert workers_of(RunConfig(workers=16)) == 16, "as asked"
    assert workers_of(RunConfig.model_validate({"memory_limit": "3GiB"})) == 2
    assert workers_of(RunConfig(workers=16), needs=3 * 2**30) == 2
    assert share_of_memory(RunConfig(), needs=3 * 2**30) == 4 * 2**30
    assert workers_of(RunConfig(), needs=9 * 2**30) == 1
    assert (workers_of(RunConfig(workers=0)), share_of_memory(RunConfig(workers=0))) == (0, 2**33)


def test_a_cluster_in_this_process_does_not_listen_to_the_network() -> None:
    with open_client(RunConfig(workers=0), 5) as client:
        assert client.scheduler_info()["address"].startswith("inproc://127.0.0.1/")
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.http_server.address) == "127.0.0.1"  # fmt: skip
        listening = client.run(lambda dask_worker: dask_worker.http_server.address)
        assert set(listening.values()) == {"127.0.0.1"}


def levels() -> dict[str, int]:
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    return {name: logging.getLogger(name).level for name in names}


def test_the_loggers_of_dask_are_quiet_for_a_while_and_then_as_they_were() -> None:
    logging.getLogger("distributed.client").setLevel(logging.INFO)
    before = levels()
    with open_client(RunConfig(workers=0), 5):
        assert not logging.getLogger("distributed.client").isEnabledFor(logging.ERROR)
    after = levels()
    assert {name: after[name] for name in before} == before
    assert logging.getLogger("distributed.client").level == logging.INFO


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ConfigError, match=f"run.scheduler: nothing answers at {address}"),
            open_client(RunConfig(scheduler=address), 1),
        ):
            pass


@pytest.mark.parametrize("address", ["nonsense://x", "host-without-port"])
def test_an_address_that_is_none_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with (
        pytest.raises(ConfigError, match=f"run.scheduler: nothing answers at {address}"),
        open_client(RunConfig(scheduler=address), 1),
    ):
        pass


def test_a_scheduler_without_workers_is_told(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(config, "c", "digits", "m")
    worker, task = BoxFinder(job, RunExports(config)), Task("a.jpg", "a.jpg", force=False)
    monkeypatch.setattr(dispatch, "WORKERS_SECONDS", 0.5)
    with (
        LocalCluster(n_workers=0, dashboard_address=None, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}) as empty,
        pytest.raises(ConfigError, match="has no workers; start `dask worker"),
        at_work(worker, RunConfig(scheduler=empty.scheduler_address), [task], 1, Stop()) as outcomes,
    ):  # fmt: skip
        list(outcomes)


def test_a_client_that_fails_leaves_no_cluster_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(cluster, "Client", fails)
    before = set(psutil.Process().children(recursive=True))
    with (
        pytest.raises(
            LocpipeError, match=r"cannot be started .*Too many open files.*run.workers=0"
        ),
        open_client(RunConfig(workers=1), 1),
    ):
        pass
    left = set(psutil.Process().children(recursive=True)) - before
    assert [
        process for process in left if "resource_tracker" not in " ".join(process.cmdline())
    ] == []


@pytest.fixture
def local(config: Config) -> Job:
    run = config.run.model_copy(update={"workers": 2})
    config = config.model_copy(update={"run": run})
    prepare_output(config.output.path)
    return Job(config, config.sha256(), "digits", verify_model(find_model("digits")))


def test_a_worker_may_take_long_to_start_again(local: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask ends one that is not back in time, which on a busy machine was at work by then."""
    (local.output / "deaths").mkdir()
    (local.output / "deaths" / "1").touch()
    worker = Unlucky(local, RunExports(local.config))
    task = Task("a.jpg", str(local.config.input.path / "coffee.jpg"), force=False)
    monkeypatch.setattr(dispatch, "LOST_SECONDS", 10)
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "10ms"}),
        at_work(worker, RunConfig(workers=1), [task], 1, Stop()) as outcomes,
    ):
        assert [outcome.status for outcome in outcomes] == ["done"]


def test_errors_that_dask_forgets_are_not_printed(
    local: Job, caplog: pytest.LogCaptureFixture
) -> None:
    """One of two workers that cannot be set up is told; asyncio would tell of the other one."""
    job = replace(local, version="0.0.1")
    worker, task = BoxFinder(job, RunExports(job.config)), Task("a.jpg", "a.jpg", force=False)
    with (
        pytest.raises(ConfigError, match=r"has locpipe .*, here is locpipe 0\.0\.1"),
        at_work(worker, job.config.run, [task], 2, Stop()) as outcomes,
    ):
        list(outcomes)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
