"""Real worker processes that finish, hang, and die."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clusters import Unlucky, killing_whoever_has
from dask.utils import key_split
from distributed import Client

from locpipe.pipeline.config.sections import Config, RunConfig
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers.box_finder import BoxFinder
from locpipe.pipeline.workers.cluster import open_client
from locpipe.pipeline.workers.dispatch import dispatch
from locpipe.pipeline.workers.messages import Job, Outcome, Task
from locpipe.pipeline.workers.signals import Stop
from locpipe.pipeline.workers.time_limit import running_file
from locpipe.stages.errors import ConfigError, LocpipeError, ModelError
from locpipe.stages.models.loading import find_model, verify_model

RUN = RunConfig(workers=2)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(RUN, 2) as client:
        yield client


@pytest.fixture
def job(config: Config) -> Job:
    prepare_output(config.output.path)
    config = config.model_copy(update={"run": RUN})
    return Job(config, config.sha256(), "digits", verify_model(find_model("digits")))


@pytest.fixture
def tasks(pictures: Path) -> list[Task]:
    paths = [path for path in sorted(pictures.rglob("*")) if path.is_file()]
    return [Task(str(path.relative_to(pictures)), str(path), force=False) for path in paths]


@pytest.fixture
def endless(pictures: Path) -> Task:
    """A hostile picture: a file of a terabyte, all holes, that is read for many minutes."""
    path = pictures / "endless.png"
    with path.open("wb") as file:
        file.truncate(10**12)
    return Task("endless.png", str(path), force=False)


def statuses(outcomes: Iterator[Outcome]) -> dict[str, str]:
    return {outcome.key: outcome.status for outcome in outcomes}


def limited(job: Job, seconds: float) -> Job:
    run = job.config.run.model_copy(update={"timeout": seconds})
    return replace(job, config=job.config.model_copy(update={"run": run}))


def test_every_task_has_an_outcome(client: Client, job: Job, tasks: list[Task]) -> None:
    outcomes = {
        outcome.key: outcome
        for outcome in dispatch(client, BoxFinder(job, RunExports(job.config)), tasks, Stop())
    }
    assert outcomes.keys() == {task.key for task in tasks}
    text = outcomes["signs/text.PNG"]
    assert (text.status, text.pages, text.pixels) == ("done", 1, 448 * 172)
    assert text.boxes > 0
    assert text.peak_memory > 2**20
    assert len(text.sha256) == 64


def test_after_a_stop_only_what_is_in_flight_is_finished(
    client: Client, job: Job, tasks: list[Task]
) -> None:
    stop = Stop()
    many = [replace(tasks[0], key=f"{n}.jpg") for n in range(50)]
    outcomes = []
    for outcome in dispatch(client, BoxFinder(job, RunExports(job.config)), many, stop):
        outcomes.append(outcome)
        stop.signal = signal.SIGTERM
    assert 1 <= len(outcomes) <= 6
    assert all(outcome.status == "done" for outcome in outcomes)


def test_memory_of_the_scheduler_does_not_grow_with_pictures(
    client: Client, job: Job, tasks: list[Task]
) -> None:
    for _ in dispatch(client, BoxFinder(job, RunExports(job.config)), tasks, Stop()):
        pass
    deadline = time.monotonic() + 5
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_names_of_tasks_that_are_over_are_not_remembered(
    client: Client, job: Job, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask would keep 100,000 names. The scheduler of this client is in the process of the test."""
    monkeypatch.setattr("locpipe.pipeline.workers.dispatch.MOST_NAMES", 5)
    key_split.cache_clear()
    many = [replace(tasks[0], key=f"{n}.jpg", path=f"{n}.jpg") for n in range(40)]
    plugin = BoxFinder(job, RunExports(job.config))
    assert len(list(dispatch(client, plugin, many, Stop(), 1e-9))) == 40
    assert key_split.cache_info().currsize < 20


def test_workers_do_not_hear_the_terminal(client: Client, job: Job, tasks: list[Task]) -> None:
    before = client.run(os.getpid)
    for pid in before.values():
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
    assert set(
        statuses(dispatch(client, BoxFinder(job, RunExports(job.config)), tasks, Stop())).values()
    ) == {"done"}
    assert client.run(os.getpid) == before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"version": "0.0.1"},
            ConfigError,
            r"has locpipe .*, here is locpipe 0.0.1; install the same",
        ),
        (
            {"model_sha256": "0" * 64},
            ModelError,
            r"of sha256 \w+, here is model digits of sha256 0+;",
        ),
        ({"model": "nothing"}, ModelError, r"neither a folder"),
    ],
)
def test_workers_that_differ_from_the_parent_are_refused(
    client: Client, job: Job, change: dict[str, str], error: type[LocpipeError], message: str
) -> None:
    changed = replace(job, **change)  # type: ignore[arg-type]  # strings all
    with pytest.raises(error, match=message):
        list(dispatch(client, BoxFinder(changed, RunExports(job.config)), [], Stop()))


def test_a_worker_that_joins_late_and_differs_ends_the_run_with_the_reason(
    job: Job, tasks: list[Task], tmp_path: Path
) -> None:
    model = shutil.copytree(find_model("digits"), tmp_path / "model")
    job = replace(job, model=str(model))
    many = (replace(tasks[0], key=f"{n}.jpg", force=True) for n in itertools.count())
    with open_client(RunConfig(workers=1), 1) as client:
        outcomes = dispatch(client, BoxFinder(job, RunExports(job.config)), many, Stop())
        assert next(outcomes).status == "done"
        with (model / "model.yaml").open("a") as card:
            card.write("# another one\n")
        assert client.cluster is not None
        client.cluster.scale(2)
        with pytest.raises(ModelError, match=r"has model .*; copy the folder of the model to it"):
            statuses(outcomes)


def test_a_picture_that_takes_too_long_is_one_failure(
    client: Client, job: Job, tasks: list[Task], endless: Task
) -> None:
    outcomes = {
        outcome.key: outcome
        for outcome in dispatch(
            client, BoxFinder(limited(job, 3), RunExports(job.config)), [endless, *tasks], Stop()
        )
    }
    assert {key: outcome.status for key, outcome in outcomes.items()} == {
        "endless.png": "failed",
        **{task.key: "done" for task in tasks},
    }
    stage, error, message = outcomes["endless.png"].failure or ("", "", "")
    assert (stage, error) == ("load", "TimeoutError")
    assert message.startswith("took longer than run.timeout = 3 s (per 100 megapixels")
    assert message.endswith("raise it, or set infer.long_side")


def test_a_picture_that_kills_its_worker_is_blamed_and_no_other(
    client: Client, job: Job, tasks: list[Task], endless: Task
) -> None:
    with killing_whoever_has(running_file(Path(), endless.key).name) as killed:
        outcomes = {
            outcome.key: outcome
            for outcome in dispatch(
                client, BoxFinder(job, RunExports(job.config)), [endless, *tasks], Stop()
            )
        }
    assert len(killed) == 2
    found = {key: outcome.status for key, outcome in outcomes.items()}
    assert found.pop("endless.png") == "failed"
    assert found.keys() == {task.key for task in tasks}
    assert set(found.values()) <= {"done", "kept"}  # kept: done before the worker died
    stage, error, message = outcomes["endless.png"].failure or ("", "", "")
    assert (stage, error) == ("load", "WorkerDied")
    assert message.startswith("its worker died twice")


def test_a_picture_that_no_worker_had_begun_is_not_blamed(
    client: Client, job: Job, tasks: list[Task]
) -> None:
    """Workers may die as they start, and while a picture waits for them, alone or not."""
    deaths = job.output / "deaths"
    deaths.mkdir()
    for n in range(3):
        (deaths / f"{n}").touch()
    outcomes = statuses(dispatch(client, Unlucky(job, RunExports(job.config)), tasks, Stop()))
    assert list(deaths.iterdir()) == []
    assert outcomes == {task.key: "done" for task in tasks}


@pytest.fixture
def groups(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The keys of every group that workers are handed, as it is submitted."""
    found: list[list[str]] = []
    submit = client.submit

    def noting(
        function: Callable[..., object], plugin: str, group: list[Task], **how: bool
    ) -> object:
        found.append([task.key for task in group])
        return submit(function, plugin, group, **how)

    monkeypatch.setattr(client, "submit", noting)
    return found


def test_quick_pictures_are_handed_out_in_groups(
    client: Client, job: Job, tasks: list[Task], groups: list[list[str]]
) -> None:
    many = [replace(tasks[0], key=f"{n}.jpg") for n in range(60)]
    worker = BoxFinder(job, RunExports(job.config))
    found = [outcome.key for outcome in dispatch(client, worker, many, Stop(), 100.0)]
    assert sorted(found) == sorted(task.key for task in many)
    assert len(groups[0]) == 1  # nobody knows yet how long they take
    assert max(map(len, groups)) > 5
    assert sorted(itertools.chain(*groups)) == sorted(found)


def test_slow_pictures_are_handed_out_one_by_one(
    client: Client, job: Job, tasks: list[Task], groups: list[list[str]]
) -> None:
    worker = BoxFinder(job, RunExports(job.config))
    assert len(list(dispatch(client, worker, tasks, Stop(), 0.001))) == len(groups) == len(tasks)


def test_a_group_whose_worker_dies_is_split(
    client: Client, job: Job, tasks: list[Task], endless: Task, groups: list[list[str]]
) -> None:
    many = [replace(tasks[0], key=f"{n}.jpg") for n in range(40)]
    worker = BoxFinder(job, RunExports(job.config))
    with killing_whoever_has(running_file(Path(), endless.key).name) as killed:
        given = [*many[:20], endless, *many[20:]]
        outcomes = statuses(dispatch(client, worker, given, Stop(), 100.0))
    assert len(killed) == 2
    assert next(len(group) for group in groups if endless.key in group) > 1
    assert outcomes.pop(endless.key) == "failed"
    assert outcomes.keys() == {task.key for task in many}
    assert set(outcomes.values()) <= {"done", "kept"}  # kept: done before the worker died
