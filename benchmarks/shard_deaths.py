"""Kills workers and parents of runs with shards at random, and checks that no picture is lost or doubled.

    python benchmarks/shard_deaths.py [--deaths 50] [--parents 5] [--pictures 600] [--seed 0] [--minutes 60]

While pictures are worked on, a random worker is killed again and again. Now and then the parent and all its
processes are killed, and the run is started again. A shard has 40 pages, so each killed parent leaves some shards.
The last start is not disturbed. Then every picture must have exactly one row in the shards, and the rows must be
those of an undisturbed run. Writes results/shard_deaths.md. Needs Linux.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow.parquet as pq
from commands import keep, run_command
from kills import is_worker
from PIL import Image

REPORT: Final = Path(__file__).parent / "results" / "shard_deaths.md"
WAITS: Final = (0.0, 1.0)
"""The shortest and the longest time of work between two kills, in seconds."""
SMALL_SHARDS: Final = (
    "from locpipe.pipeline.run import shard_keeper; shard_keeper.PAGES = 40; "
    "from locpipe.pipeline.cli.main import main; main()"
)
CHANGING: Final = ("mtime_ns",)
"""Columns that hold times."""
SHARDS: Final = ("--workers", "2", "--set=output.layout=shards", "--set=output.overlays=false")
MOST_STARTS: Final = 10
PACE: Final = 0.02


@dataclass(frozen=True)
class Survived:
    """How the runs ended.

    Attributes:
        workers: number of workers killed.
        parents: number of parents killed.
        starts: number of starts until the run was done.
        pictures: number of pictures.
        shards: number of shards at the end.
        counts: the counts in run.json after the last start.
        lost: pictures without a row.
        doubled: pictures with more than one row.
        differing: rows that differ from those of an undisturbed run.
    """

    workers: int
    parents: int
    starts: int
    pictures: int
    shards: int
    counts: dict[str, int]
    lost: int
    doubled: int
    differing: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, doubled or changed."""
        return not (self.lost or self.doubled or self.differing)


def make_pictures(folder: Path, count: int) -> None:
    """Write small pictures, all different."""
    folder.mkdir(parents=True)
    noise = Image.effect_noise((400, 400), 90)
    for n in range(count):
        left, top = n % 250, n // 250
        noise.crop((left, top, left + 100, top + 80)).save(folder / f"{n:05}.bmp")


def command(folder: Path, output: Path) -> list[str]:
    """The command of the run."""
    python, *_ = words = run_command("digits", folder / "in", output, *SHARDS)
    return [python, "-c", SMALL_SHARDS, *words[3:]]


def rows_of(output: Path) -> list[dict[str, Any]]:
    """Return the rows of all shards, without the columns that hold times."""
    rows = []
    for file in sorted((output / "shards").glob("*.parquet")):
        rows += pq.read_table(file).drop_columns(list(CHANGING)).to_pylist()
    return rows


def die(folder: Path, pictures: int, kills: tuple[int, int], seed: int, minutes: float) -> Survived:
    """Run with the planned kills of workers and parents, as far as time allows; then compare."""
    make_pictures(folder / "in", pictures)
    calm, output = folder / "calm", folder / "killed"
    subprocess.run(command(folder, calm), check=True)
    chance = random.Random(seed)  # noqa: S311 - any chance will do
    plan = ["worker"] * kills[0] + ["parent"] * kills[1]
    chance.shuffle(plan)
    end, done, starts = time.monotonic() + 60 * minutes, Counter[str](), 0
    while starts < kills[1] + MOST_STARTS:
        starts += 1
        with subprocess.Popen(command(folder, output), stderr=subprocess.DEVNULL, start_new_session=True) as process:  # fmt: skip
            _disturb(process, output, plan, chance, end, done)
        if process.returncode == 0:
            break
    return _compared(calm, output, pictures, done, starts)


def _disturb(
    process: subprocess.Popen[bytes],
    output: Path,
    plan: list[str],
    chance: random.Random,
    end: float,
    done: Counter[str],
) -> None:
    """Kill as planned, while pictures are worked on; each kill that is done leaves the plan."""
    at_work, wait = 0.0, chance.uniform(*WAITS)
    while process.poll() is None:
        time.sleep(PACE)
        # If no picture is worked on, workers are just starting; a kill at that time ends the run.
        at_work += PACE if any(output.glob(".locpipe/tmp/*")) else 0
        workers = _workers(process.pid)
        if not plan or at_work < wait or not workers or time.monotonic() > end:
            continue
        at_work, wait, what = 0.0, chance.uniform(*WAITS), plan.pop()
        done[what] += 1
        if what == "parent":
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        else:
            chance.choice(workers).kill()


def _workers(parent: int) -> list[psutil.Process]:
    try:
        return [each for each in psutil.Process(parent).children() if is_worker(each)]
    except psutil.Error:
        return []


def _compared(calm: Path, output: Path, pictures: int, done: Counter[str], starts: int) -> Survived:
    rows = rows_of(output)
    wanted = {row["path"]: row for row in rows_of(calm)}
    found = {row["path"]: row for row in rows}
    times = Counter(row["path"] for row in rows)
    counts = json.loads((output / "run.json").read_bytes())["counts"]
    return Survived(
        done["worker"],
        done["parent"],
        starts,
        pictures,
        len(list((output / "shards").glob("*.parquet"))),
        counts,
        lost=len(wanted.keys() - found.keys()),
        doubled=sum(count > 1 for count in times.values()),
        differing=sum(found.get(path, row) != row for path, row in wanted.items()),
    )


def report(survived: Survived, asked: tuple[int, int]) -> str:
    """The outcome, as Markdown."""
    lines = [
        "# Shards of runs whose processes die",
        "",
        f"`python benchmarks/shard_deaths.py`: {survived.workers} deaths of workers of {asked[0]} asked for, and",
        f"{survived.parents} of parents of {asked[1]}, at random moments; {survived.pictures} pictures, two workers.",
        "",
        "| | |",
        "|---|---|",
        f"| starts until the end | {survived.starts} |",
        f"| shards | {survived.shards} |",
        f"| pictures without a row | {survived.lost} |",
        f"| pictures with two rows | {survived.doubled} |",
        f"| rows that are not those of an undisturbed run | {survived.differing} |",
        *(f"| last start: {name.replace('_', ' ')} | {n} |" for name, n in survived.counts.items()),
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Kill processes, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("deaths", 50), ("parents", 5), ("pictures", 600), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--minutes", type=float, default=60.0)
    given = parser.parse_args()
    folder, asked = Path(tempfile.mkdtemp()), (given.deaths, given.parents)
    survived = die(folder, given.pictures, asked, given.seed, given.minutes)
    keep(REPORT, report(survived, asked))
    if not survived.is_whole or (survived.workers, survived.parents) != asked:
        sys.exit(f"something is lost, doubled or not done; it lies in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
