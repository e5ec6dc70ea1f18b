"""The cost of durable results: CPU and waiting time per picture.

python benchmarks/durability.py [FOLDER]   a folder on the disk to measure; writes results/durability.md
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from commands import keep

from locpipe.pipeline.config.sections import OutputConfig
from locpipe.pipeline.output.atomic import write_atomically
from locpipe.pipeline.output.layout import prepare_output, result_path, results_of
from locpipe.pipeline.run.records import Planned
from locpipe.pipeline.run.state import State
from locpipe.pipeline.sources.pictures import Picture
from locpipe.pipeline.workers.messages import Outcome

PICTURES: Final = 1000
GROUP: Final = 20
"""Pictures per group: two cores do so many with `text` in the second between two commits."""
SIZES: Final = {"masks": 20_000, "boxes": 8_000}
"""Bytes of the results of a photograph with some forty words."""
REPORT: Final = Path(__file__).parent / "results" / "durability.md"


class Clock:
    """Adds up the time of calls of functions."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self._running = False

    def timed(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return the function with its time measured; nested calls count once."""

        def call(*arguments: object) -> None:
            if self._running:
                return function(*arguments)
            self._running = True
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.cpu += time.thread_time() - cpu
                self.wall += time.perf_counter() - wall
                self._running = False

        return call


def measure(folder: Path, clock: Clock) -> None:
    """Write results and note them in the state."""
    prepare_output(folder)
    output = OutputConfig(path=folder)
    with State(folder) as state:
        for n in range(PICTURES):
            state.plan([Planned(Picture(f"{n}.jpg", f"/{n}.jpg"), 1, 1, todo=True, reason="new")])
        state.begin()
        commit = clock.timed(state.commit)
        sync = os.fsync
        os.fsync = clock.timed(sync)
        for n in range(PICTURES):
            key = f"{n}.jpg"
            for kind, size in SIZES.items():
                write_atomically(folder, result_path(folder, kind, key, 1), os.urandom(size))
            state.record(Outcome(key, "done", "0" * 64, 1), "c", "m", results_of(output, key, 1))
            if n % GROUP == GROUP - 1:
                commit()
        os.fsync = sync


def main(where: str | None) -> None:
    """Measure, and write the report."""
    clock = Clock()
    with tempfile.TemporaryDirectory(dir=where) as folder:
        measure(Path(folder), clock)
    cpu, wall = (1000 * seconds / PICTURES for seconds in (clock.cpu, clock.wall))
    lines = [
        "# What durability costs",
        "",
        f"`python benchmarks/durability.py`: {PICTURES} pictures, a mask and a box JSON each, in groups of {GROUP}.",
        "It counts what syncs of files and folders take, and the commits of the state.",
        "",
        "| | per picture |",
        "|---|---|",
        f"| CPU | {cpu:.2f} ms |",
        f"| waiting for the disk included | {wall:.2f} ms |",
        "",
    ]
    keep(REPORT, "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
