"""Kills the workers of a run again and again, and checks that no picture is lost or done twice.

    python benchmarks/deaths.py [--deaths 50] [--minutes 60]

A worker is killed as soon as two more pictures are done, until so many have died. Every picture counts
once. A picture whose worker is killed twice fails, as it may be its fault. So the run is started again,
undisturbed. Then the files are those of an undisturbed run, byte for byte. Writes results/deaths.md. Needs
Linux.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from commands import keep, run_command
from kills import is_worker, tree
from PIL import Image

REPORT: Final = Path(__file__).parent / "results" / "deaths.md"
DONE_BETWEEN: Final = 2
"""Pictures."""


@dataclass(frozen=True)
class Ended:
    """How a run with deaths ended.

    Attributes:
        deaths: number of killed workers.
        pictures: number of pictures.
        code: exit code.
        counts: of run.json.
        blamed: pictures that failed because their worker died twice.
        same: whether every byte is that of an undisturbed run, after a second start.
    """

    deaths: int
    pictures: int
    code: int
    counts: dict[str, int]
    blamed: int
    same: bool

    @property
    def whole(self) -> bool:
        """Whether every picture was done or blamed, and once."""
        made = self.counts["done"] + self.counts["kept"]
        once = made + self.blamed == self.pictures == self.counts["found"]
        return self.same and once and self.code == (3 if self.blamed else 0)


def command(pictures: Path, output: Path) -> list[str]:
    """Return the command of the run."""
    return run_command("digits", pictures, output, "--workers", "2", "--set=output.exports=[icdar]")


def die(folder: Path, deaths: int, minutes: float) -> Ended:
    """Run with so many deaths, as far as the time allows, and compare."""
    count = DONE_BETWEEN * (deaths + 2) + 8
    (folder / "in").mkdir()
    for n in range(count):
        Image.effect_noise((100 + n, 80), 90).save(folder / "in" / f"{n:03}.png")
    subprocess.run(command(folder / "in", folder / "a" / "out"), check=True)
    output, killed = folder / "b" / "out", set[int]()
    end = time.monotonic() + 60 * minutes
    with subprocess.Popen(command(folder / "in", output), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            done = sum(1 for _ in output.glob("boxes/*.json"))
            wanted = len(killed) < deaths and time.monotonic() < end
            if wanted and done >= DONE_BETWEEN * (len(killed) + 1):
                killed |= kill_one(process.pid, killed)
            time.sleep(0.01)
    counts: dict[str, Any] = json.loads((output / "run.json").read_bytes())["counts"]
    blamed = (output / "failures.jsonl").read_text().count('"WorkerDied"')
    subprocess.run(command(folder / "in", output), check=True)
    same = tree(output) == tree(folder / "a" / "out")
    return Ended(len(killed), count, process.returncode, counts, blamed, same)


def kill_one(parent: int, before: set[int]) -> set[int]:
    """Kill a worker that has not been killed; return its id."""
    try:
        children = psutil.Process(parent).children()
    except psutil.Error:
        return set()
    for worker in (each for each in children if is_worker(each) and each.pid not in before):
        worker.kill()
        return {worker.pid}
    return set()


def report(ended: Ended, asked: int) -> str:
    """Return the result as Markdown."""
    lines = [
        "# Workers that die",
        "",
        f"`python benchmarks/deaths.py`: {ended.deaths} deaths of {asked} asked for, in one run of",
        f"{ended.pictures} pictures with two workers.",
        "",
        "| | |",
        "|---|---|",
        f"| exit code | {ended.code} |",
        *(f"| {name.replace('_', ' ')} | {number} |" for name, number in ended.counts.items()),
        f"| of these because their worker was killed twice | {ended.blamed} |",
        f"| bytes of an undisturbed run, after a second start | {'yes' if ended.same else 'no'} |",
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Let workers die, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deaths", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    ended = die(folder, given.deaths, given.minutes)
    keep(REPORT, report(ended, given.deaths))
    if not ended.whole:
        sys.exit(f"something is lost or doubled; it lies in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
