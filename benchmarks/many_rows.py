"""CPU and memory of the parent process when a run of millions of pictures has nothing to do.

    python benchmarks/many_rows.py [--pictures 1000000]

The rows of the state and the list of pictures are made up; SQLite and the run are real. The picture files do
not exist, so each look at a file fails. A failed look is as quick as a look at a cached file. The state says
that all results lie in shards. Measures CPU time and the largest memory of `locpipe run`: once for a new run of
all pictures, and once when all of them are done. Writes results/many_rows.md.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preflight import preflight
from locpipe.pipeline.run.state import State

REPORT: Final = Path(__file__).parent / "results" / "many_rows.md"
ROW: Final = (
    "INSERT INTO pictures VALUES (?, -1, -1, ?, ?, ?, 'done', 1, 0, 1, NULL, NULL, NULL, '')"
)


SMALL_PARENT: Final = """
import os, subprocess, sys
run = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(run.pid, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Linux counts the parent's memory as memory of its child, so a small process starts the run."""


def settings(folder: Path) -> list[str]:
    """The settings of the run."""
    return [
        f"input.path={folder / 'list.txt'}",
        f"input.root={folder}",
        f"output.path={folder / 'out'}",
        "output.layout=shards",
        "output.overlays=false",
        "run.workers=0",
    ]


def name_of(number: int) -> str:
    """The name of a picture; each folder has a thousand pictures."""
    return f"{number // 1000:06}/{number % 1000:03}-a-name-as-cameras-give-them.jpg"


def make_list(folder: Path, pictures: int) -> None:
    """Write the list of pictures; none of the files exists."""
    with (folder / "list.txt").open("w") as file:
        file.writelines(f"{folder / name_of(number)}\n" for number in range(pictures))


def make_state(folder: Path, pictures: int) -> None:
    """Write a state that calls all pictures done."""
    given = [parse_assignment(text) for text in settings(folder)]
    config = read_settings(find_config("digits"), Config, given).config
    terms = preflight(config, Options()).terms
    prepare_output(folder / "out")

    def rows() -> Iterator[tuple[bytes, str, str, str]]:
        for number in range(pictures):
            hashes = f"{number:064x}", terms.config_sha256, terms.model_sha256
            yield name_of(number).encode(), *hashes

    with State(folder / "out") as state:
        state.begin()
        state._db.executemany(ROW, rows())  # noqa: SLF001 - ten million outcomes would take hours
        state.finish()


def measured(folder: Path, *more: str) -> tuple[float, float, str]:
    """Run; return CPU seconds, the largest memory in MiB, and the last line of the output."""
    return measured_with(settings(folder), *more)


def measured_with(given: list[str], *more: str) -> tuple[float, float, str]:
    """Run with these settings; return the same as `measured`."""
    words = [word for each in given for word in ("--set", each)]
    run = [sys.executable, "-m", "locpipe", "run", "digits", *words, *more]
    command = [sys.executable, "-c", SMALL_PARENT, *run]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode:
        sys.exit(last)
    cpu, kilobytes = map(float, done.stdout.split()[-2:])
    return cpu, kilobytes / 1024, last


def main() -> None:
    """Make the state, measure the runs, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    pictures = parser.parse_args().pictures
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_list(folder, 1)
        # The first run loads the network to learn what it supports.
        measured(folder, "--limit", "0")
        make_list(folder, pictures)
        rows.append(("planned anew", *measured(folder, "--limit", "0")))
        make_state(folder, pictures)
        size = (folder / "out" / ".locpipe" / "state.sqlite").stat().st_size
        rows.append(("all done", *measured(folder)))
    lines = [
        "# Millions of rows",
        "",
        f"`python benchmarks/many_rows.py --pictures {pictures}`",
        "",
        "| run | CPU s | µs per picture | MiB in the parent |",
        "|---|---|---|---|",
        *(
            f"| {how} | {cpu:.1f} | {1e6 * cpu / pictures:.1f} | {memory:.0f} |"
            for how, cpu, memory, _ in rows
        ),
        "",
        f"The state takes {size / pictures:.0f} bytes per picture.",
        "",
    ]
    REPORT.write_text("\n".join(lines))
    print(REPORT.read_text(), *(said for *_, said in rows), sep="\n")


if __name__ == "__main__":
    main()
