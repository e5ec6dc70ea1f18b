"""Kills runs at random moments, starts them again until they are done, and compares every byte.

    python benchmarks/kills.py [--kills 200] [--seed 0] [--minutes 600]

The configs are text, digits and multi-page, with exports and `read`. A kill is SIGKILL to the whole
group, SIGTERM, SIGINT, SIGKILL to one worker, or a loss of power (`power_loss.py`). Most moments lie
between the first result and the last. Writes results/kills.md. Needs Linux, a C compiler and, for
`read`, tesseract.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from commands import keep
from PIL import Image
from power_loss import Power

SAMPLES: Final = Path(__file__).resolve().parents[1] / "data" / "samples"
REPORT: Final = Path(__file__).parent / "results" / "kills.md"
WAYS: Final = (
    "SIGKILL to the group",
    "SIGTERM",
    "SIGINT",
    "SIGKILL to one worker",
    "loss of power",
)
CONFIGS: Final = {
    "text": ("text", ("output.overlays=true",)),
    "digits": ("digits", ("output.exports=[alto,crops]", "output.heatmaps=true")),
    "multi-page": ("digits", ("output.exports=[hocr]",)),
}
RUN_STATES: Final = ("run.json", "read.json")
MOST_STARTS: Final = 10
SECONDS: Final = 300.0
BARS: Final = 10


@dataclass(frozen=True)
class Trial:
    """One run that is killed.

    Attributes:
        config: a name in `CONFIGS`.
        way: one of `WAYS`.
        moment: share of the undisturbed run's results before the kill; below 0: before the first.
        reading: whether `read` is killed instead of `run`.
        starts: number of starts until the run had finished.
        same: whether every byte is the same as in the undisturbed run.
    """

    config: str
    way: str
    moment: float
    reading: bool = False
    starts: int = 0
    same: bool = False


def make_pictures(folder: Path, config: str) -> Path:
    """Write the pictures of a config: small ones, so that a run is short."""
    folder.mkdir(parents=True)
    names = ("newspaper.png", "coffee.png", "astronaut.png", "street.jpg")
    pictures = [Image.open(SAMPLES / name).convert("RGB") for name in names]
    small = [each.resize((240 + 8 * n, 160)) for n in range(3) for each in pictures]
    if config == "multi-page":
        for n in range(3):
            pages = small[n : n + 5]
            pages[0].save(folder / f"{n}.tif", save_all=True, append_images=pages[1:])
        small = small[:2]
    for n, each in enumerate(small):
        (folder / f"{n % 2}").mkdir(exist_ok=True)
        each.save(folder / f"{n % 2}" / f"{n}.png")
    return folder


def command(trial: Trial, pictures: Path, output: Path) -> list[str]:
    """The command to run, or to read with."""
    if trial.reading:
        arguments = ["read", str(output), "--workers", "1"]
    else:
        name, settings = CONFIGS[trial.config]
        arguments = ["run", name, "--input", str(pictures), "--output", str(output)]
        arguments += ["--workers", "1", *(f"--set={setting}" for setting in settings)]
    return [sys.executable, "-m", "locpipe", *arguments, "-q"]


def results(output: Path, *, reading: bool) -> int:
    """The number of pages that have a result."""
    return sum(1 for _ in (output / ("read" if reading else "boxes")).rglob("*.json"))


def tree(output: Path) -> dict[str, bytes]:
    """All results, without the parts that differ from run to run. A link counts as its target."""
    found = {}
    for file in output.rglob("*"):
        name = file.relative_to(output)
        if file.is_symlink():
            found[str(name)] = os.fsencode(file.readlink())
        elif file.is_file() and ".locpipe" not in name.parts and name.name not in RUN_STATES:
            found[str(name)] = file.read_bytes()
    return found


def finish(trial: Trial, pictures: Path, output: Path) -> int:
    """Start the command until it finishes; return the number of starts."""
    for starts in range(1, MOST_STARTS + 1):
        done = subprocess.run(
            command(trial, pictures, output), capture_output=True, text=True, check=False
        )
        if done.returncode in (0, 3):
            return starts
    msg = f"not done after {MOST_STARTS} starts: {done.stderr}"
    raise RuntimeError(msg)


def whole(config: str, pictures: Path, output: Path, *, reading: bool) -> None:
    """Run without any kill; then read too, if `reading` is set."""
    finish(Trial(config, "", 0), pictures, output)
    if reading:
        finish(Trial(config, "", 0, reading=True), pictures, output)


def try_one(trial: Trial, pictures: Path, undisturbed: Path, folder: Path) -> Trial:
    """Start a run, kill it, start it again until it is done, and compare its files."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    output = disk / "out"
    if trial.reading:
        finish(replace(trial, reading=False), pictures, output)
    power = Power(disk, folder / "kept") if trial.way == "loss of power" else None
    environment = power.environment() if power else dict(os.environ)
    with subprocess.Popen(
        command(trial, pictures, output),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        wait_for_the_moment(process, trial, output, results(undisturbed, reading=trial.reading))
        there = results(output, reading=trial.reading)
        kill(process, trial.way)
    if power is not None:
        power.lose(folder / "later", random.Random(trial.moment))  # noqa: S311 - any chance will do
        shutil.rmtree(disk)
        (folder / "later").rename(disk)
    killed = there / results(undisturbed, reading=trial.reading)
    starts = 1 + finish(replace(trial, reading=False), pictures, output)
    if trial.reading:
        starts += finish(trial, pictures, output)
    wanted = tree(undisturbed)
    if not trial.reading:
        wanted = {name: data for name, data in wanted.items() if not is_of_reading(name)}
    same = tree(output) == wanted
    # A moment before the first result is counted from the start of the process.
    moment = trial.moment if trial.moment < 0 and killed == 0 else killed
    return replace(trial, starts=starts, same=same, moment=moment)


def is_of_reading(name: str) -> bool:
    """Whether a file was written by `read`."""
    return name.startswith(("read/", "read-failures"))


def wait_for_the_moment(
    process: subprocess.Popen[bytes], trial: Trial, output: Path, expected: int
) -> None:
    """Wait for a number of results. Before the first result, sleep a share of 3 seconds."""
    if trial.moment < 0:
        time.sleep(-3 * trial.moment)
        return
    deadline = time.monotonic() + SECONDS
    while (
        process.poll() is None and results(output, reading=trial.reading) <= trial.moment * expected
    ):
        if time.monotonic() > deadline:
            msg = f"no {trial.moment:.0%} of the results of {trial.config} after {SECONDS:g} s"
            raise RuntimeError(msg)
        time.sleep(0.002)


def kill(process: subprocess.Popen[bytes], way: str) -> None:
    """Kill a process in one of the ways, and wait until it has ended."""
    if process.poll() is None:
        if way == "SIGKILL to one worker":
            workers = [each for each in psutil.Process(process.pid).children() if is_worker(each)]
            for worker in workers[:1]:
                worker.kill()
        else:
            number = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}.get(way, signal.SIGKILL)
            os.killpg(process.pid, number)
    process.wait(SECONDS)


def is_worker(process: psutil.Process) -> bool:
    """Whether a child process of a run is a worker."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def plan(kills: int, chance: random.Random) -> list[Trial]:
    """Plan trials of every config in every way; four of five moments lie among the results."""
    kinds = [*((config, False) for config in CONFIGS), ("text", True)]
    trials = []
    for n in range(kills):
        config, reading = kinds[n % len(kinds)]
        moment = -chance.random() if chance.random() < 0.2 else chance.uniform(0.02, 0.98)
        way = WAYS[(n + n // len(WAYS)) % len(WAYS)]
        trials.append(Trial(config, way, moment, reading=reading))
    return trials


def run_trials(trials: list[Trial], folder: Path, minutes: float = 600.0) -> list[Trial]:
    """Do as many trials as the time allows, one after the other."""
    deadline = time.monotonic() + 60 * minutes
    done: list[Trial] = []
    for n, trial in enumerate(trials):
        if time.monotonic() > deadline:
            break
        # Exports name pictures by relative paths, so this folder is as deep as the killed outputs.
        pictures, undisturbed = folder / "in" / trial.config, folder / trial.config / "disk" / "out"
        if not pictures.exists():
            make_pictures(pictures, trial.config)
            whole(
                trial.config,
                pictures,
                undisturbed,
                reading=any(t.reading and t.config == trial.config for t in trials),
            )
        done.append(try_one(trial, pictures, undisturbed, folder / f"{n}"))
        print(done[-1], flush=True)
        if done[-1].same:
            shutil.rmtree(folder / f"{n}")
    return done


def report(trials: list[Trial], planned: int) -> str:
    """The outcome of the trials, as Markdown."""
    same = sum(trial.same for trial in trials)
    among = sum(0 < trial.moment < 1 for trial in trials)
    bars = Counter(min(BARS - 1, int(trial.moment * BARS)) for trial in trials if trial.moment > 0)
    before = sum(trial.moment <= 0 for trial in trials)
    lines = [
        "# Runs that were killed",
        "",
        f"`python benchmarks/kills.py`: {len(trials)} kills of {planned} planned.",
        f"The bytes are those of an undisturbed run in {same} of {len(trials)}.",
        f"{among} moments ({among / max(1, len(trials)):.0%}) lie between the first result and the last.",
        "",
        "| results that were there | kills |",
        "|---|---|",
        f"| none | {before} |",
        *(f"| {n / BARS:.0%} to {(n + 1) / BARS:.0%} | {bars[n]} |" for n in range(BARS)),
        "",
        "| kill | of | identical bytes |",
        "|---|---|---|",
    ]
    ways = [f"way: {trial.way}" for trial in trials]
    configs = [f"config: {trial.config}{', read' * trial.reading}" for trial in trials]
    for names in (ways, configs):
        for name in dict.fromkeys(names):
            of = [trial for trial, its in zip(trials, names, strict=True) if its == name]
            lines.append(f"| {name} | {len(of)} | {sum(trial.same for trial in of)} |")
    most = max((trial.starts for trial in trials), default=0)
    return "\n".join([*lines, "", f"Starts until the end: at most {most}.", ""])


def main() -> None:
    """Do the trials, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0)
    given = parser.parse_args()
    trials = plan(given.kills, random.Random(given.seed))  # noqa: S311 - any chance will do
    folder = Path(tempfile.mkdtemp())
    done = run_trials(trials, folder, given.minutes)
    keep(REPORT, report(done, given.kills))
    if all(trial.same for trial in done):
        shutil.rmtree(folder)
    else:
        sys.exit(f"some differ; they lie in {folder}")


if __name__ == "__main__":
    main()
