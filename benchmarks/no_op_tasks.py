"""What a scheduler costs: tasks that do nothing pass through Dask as pictures do.

    python benchmarks/no_op_tasks.py [--tasks 1000000] [--workers 2] [--workers 8] [--workers 32] [--group 1]

The scheduler and the workers are processes of `dask scheduler` and `dask worker --nthreads 1`, as on a cluster.
The parent is this process; it hands out tasks by `pipeline/workers/dispatch.py`. There are more processes than
cores, so clock time says nothing: CPU time is measured. Memory is measured as tasks end; its slope is taken from
the second half of the tasks. Prints rows of results/no_op_tasks.md. Needs Linux.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
from distributed import Client

from locpipe.pipeline.config.sections import RunConfig
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers.dispatch import at_work
from locpipe.pipeline.workers.messages import Outcome, Place, Task
from locpipe.pipeline.workers.signals import Stop
from locpipe.pipeline.workers.worker import PictureWorker
from locpipe.stages.clock import Clock
from locpipe.stages.version import __version__

LOOKS: Final = 40
MIB: Final = 2**20
QUIET: Final = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
    "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "10",
}
"""Set low as in docs/clusters.md: these features cost clock time and memory, and nobody looks at them."""
HTTP: Final = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


@dataclass(frozen=True)
class NoOpJob:
    """The job that workers get in a run that does nothing; see `AnyJob`."""

    desk: Path
    version: str = __version__
    name: str = "no-op"
    place: Place = "remote"
    timeout: float = 60.0


class NoOpWorker(PictureWorker):
    """A worker that calls every picture done."""

    too_slow = too_large = ""

    def prepare(self, memory: int) -> None:
        """Load nothing."""

    def do(self, task: Task, clock: Clock) -> Outcome:
        """Do nothing."""
        del clock
        return Outcome(task.key, "done", pages=1)

    def clear(self, task: Task) -> None:
        """Remove nothing."""


@dataclass
class Watched:
    """A process, with its memory and its CPU seconds at several numbers of finished tasks."""

    name: str
    process: psutil.Process
    tasks: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def look(self, tasks: int) -> None:
        """Note memory and CPU seconds after this many tasks."""
        times = self.process.cpu_times()
        self.tasks.append(tasks)
        self.memory.append(self.process.memory_info().rss)
        self.cpu.append(times.user + times.system)

    @property
    def bytes_per_task(self) -> float:
        """Slope of the memory over the second half of the tasks."""
        half = len(self.tasks) // 2
        return statistics.linear_regression(self.tasks[half:], self.memory[half:]).slope

    def cells(self) -> str:
        """Return CPU per task, memory at the end, and its slope, as cells of a table."""
        per_task = (self.cpu[-1] - self.cpu[0]) / (self.tasks[-1] - self.tasks[0])
        return f"{1e6 * per_task:.0f} | {self.memory[-1] / MIB:.0f} | {self.bytes_per_task:+.0f}"


def started(stack: ExitStack, *program: str) -> psutil.Process:
    """Start a program of Dask; it ends when the stack is closed."""
    command = [sys.executable, "-m", "dask", *program, *HTTP]
    own = str(Path(__file__).parent)  # the workers load this file as a module
    environment = {**os.environ, **QUIET, "PYTHONPATH": own}
    process = stack.enter_context(
        subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    )
    stack.callback(process.kill)
    return psutil.Process(process.pid)


def measure(workers: int, tasks: int, group: int, folder: Path) -> list[Watched]:
    """Let the workers do all tasks, in groups; return scheduler, parent and one worker, as measured."""
    prepare_output(folder)
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        scheduler = started(stack, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))  # fmt: skip
        while not file.exists():
            time.sleep(0.1)
        options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-nanny")
        crew = [started(stack, "worker", *options) for _ in range(workers)]
        with Client(_address(file), set_as_default=False) as client:
            client.wait_for_workers(
                workers
            )  # on a busy machine this takes longer than the time that a run waits for its first worker
        seen = [Watched("scheduler", scheduler), Watched("parent", psutil.Process(os.getpid()))]
        seen.append(Watched("worker", crew[0]))
        _do(seen, file, tasks, group, folder)
    return seen


def _do(seen: list[Watched], file: Path, tasks: int, group: int, folder: Path) -> None:
    # A group of one takes less than the least that counts for a picture, others as much as they need.
    seconds = 0.0005 if group == 1 else 0.001 * (group + 0.5)
    run = RunConfig(scheduler=_address(file), task_seconds=seconds)
    todo = (Task(f"{number:09}.jpg", f"/none/{number:09}.jpg", force=False) for number in range(tasks))  # fmt: skip
    with (
        Stop().listening() as stop,
        at_work(NoOpWorker(NoOpJob(folder)), run, todo, tasks, stop) as outcomes,
    ):
        for number, outcome in enumerate(outcomes):
            assert outcome.status == "done"
            if number % max(1, tasks // LOOKS) == 0 or number == tasks - 1:
                for each in seen:
                    each.look(number)


def _address(file: Path) -> str:
    return str(json.loads(file.read_text())["address"])


def main() -> None:
    """Measure, and print a row for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, action="append")
    parser.add_argument("--group", type=int, default=1)
    given = parser.parse_args()
    columns = [f"{who}, {what}" for who in ("scheduler", "parent", "a worker") for what in ("µs", "MiB", "bytes per picture")]  # fmt: skip
    print(f"| workers | pictures | per task | {' | '.join(columns)} |")
    print("|---" * (3 + len(columns)) + "|")
    for workers in given.workers or [2, 8, 32]:
        with tempfile.TemporaryDirectory() as folder:
            seen = measure(workers, given.tasks, given.group, Path(folder))
        cells = " | ".join(each.cells() for each in seen)
        print(f"| {workers} | {given.tasks} | {given.group} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
