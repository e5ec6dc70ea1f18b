"""Runs for half an hour on mixed pictures, and measures by how much its memory grows.

    python benchmarks/soak.py [--minutes 30] [--skip 10]

The pictures have all formats that Pillow writes, many sizes, one or more pages; some are damaged.
They come again and again under other names, so the mix stays the same. The resident memory of the
parent and of its worker is measured once per second. Writes results/soak.md. Needs Linux.
"""

import argparse
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from commands import keep, run_command
from PIL import Image

SAMPLES: Final = Path(__file__).resolve().parents[1] / "data" / "samples"
REPORT: Final = Path(__file__).parent / "results" / "soak.md"
NAMES: Final = ("newspaper.png", "coffee.png", "astronaut.png", "street.jpg")
SUFFIXES: Final = (".png", ".jpg", ".bmp", ".gif", ".webp", ".tif", ".jp2")
PER_SECOND: Final = 30
"""Pictures prepared per second of the run, more than a run can do."""
MOST_SECONDS: Final = 120
MIB: Final = 2**20


@dataclass(frozen=True)
class Sample:
    """Resident memory at a moment.

    Attributes:
        seconds: since the start.
        parent: bytes of the process of the command.
        worker: bytes of the largest process below it.
    """

    seconds: float
    parent: int
    worker: int


def make_pictures(folder: Path, chance: random.Random) -> list[Path]:
    """Write the pictures of one round of the mix."""
    folder.mkdir(parents=True)
    sources = [Image.open(SAMPLES / name).convert("RGB") for name in NAMES]
    made = []
    for n in range(42):
        size = chance.randrange(60, 700), chance.randrange(40, 500)
        picture = sources[n % len(sources)].resize(size)
        made.append(folder / f"{n}{SUFFIXES[n % len(SUFFIXES)]}")
        more = [picture.rotate(90, expand=True)] * 2
        several: dict[str, Any] = (
            {"save_all": True, "append_images": more} if n % 7 == 5 and n % 2 else {}
        )
        picture.save(made[-1], **several)
        if n % 10 == 9:
            made[-1].write_bytes(made[-1].read_bytes()[: chance.randrange(20, 400)])
    return made


def name_again(pictures: list[Path], folder: Path, count: int) -> None:
    """Give the pictures `count` names in all; the run works on them in the order of these names."""
    for n in range(count):
        path = folder / f"{n // 1000:04}" / f"{n:07}{pictures[n % len(pictures)].suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(pictures[n % len(pictures)])


def soak(folder: Path, minutes: float) -> tuple[list[Sample], int]:
    """Run for `minutes`; return the measured samples and the number of pages with results."""
    pictures = make_pictures(folder / "mix", random.Random(0))  # noqa: S311 - any chance will do
    name_again(pictures, folder / "in", int(60 * minutes * PER_SECOND))
    more = "--workers", "1", "--set=output.overlays=true"
    command = run_command("text", folder / "in", folder / "out", *more)
    samples = []
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        started = time.monotonic()
        while process.poll() is None and time.monotonic() - started < 60 * minutes:
            samples.append(_sample(process.pid, time.monotonic() - started))
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        process.wait(MOST_SECONDS)
    return samples, sum(1 for _ in (folder / "out" / "boxes").rglob("*.json"))


def _sample(pid: int, seconds: float) -> Sample:
    parent = psutil.Process(pid)
    children = parent.children(recursive=True)
    return Sample(seconds, parent.memory_info().rss, max(map(_resident, children), default=0))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def slope(samples: list[Sample], who: str) -> float:
    """Slope of the straight line through the samples (least squares), in MiB per hour."""
    hours = [sample.seconds / 3600 for sample in samples]
    return statistics.linear_regression(hours, [getattr(each, who) / MIB for each in samples]).slope


def report(samples: list[Sample], pages: int, skip: float) -> str:
    """The measured samples, as Markdown."""
    minutes = samples[-1].seconds / 60
    later = [sample for sample in samples if sample.seconds >= 60 * skip]
    lines = [
        "# Memory of a long run",
        "",
        f"`python benchmarks/soak.py`: {minutes:.0f} minutes of mixed pictures, one worker.",
        f"{pages} pages have results.",
        "",
        f"| resident memory after the first {skip:g} minutes | MiB per hour | median, MiB | most, MiB |",
        "|---|---|---|---|",
    ]
    for who in ("parent", "worker"):
        sizes = [getattr(sample, who) / MIB for sample in later]
        middle, most = statistics.median(sizes), max(sizes)
        lines.append(f"| {who} | {slope(later, who):+.1f} | {middle:.0f} | {most:.0f} |")
    lines += ["", "| minutes | parent, median MiB | worker, median MiB |", "|---|---|---|"]
    for start in range(0, int(minutes) + 1, 5):
        some = [each for each in samples if start <= each.seconds / 60 < start + 5]
        if some:
            parent = statistics.median(each.parent for each in some) / MIB
            worker = statistics.median(each.worker for each in some) / MIB
            lines.append(f"| {start} to {start + 5} | {parent:.0f} | {worker:.0f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--skip", type=float, default=10.0)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    samples, pages = soak(folder, given.minutes)
    keep(REPORT, report(samples, pages, given.skip))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
