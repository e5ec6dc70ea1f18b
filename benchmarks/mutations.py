"""Decodes damaged and hostile picture files in a process of its own, and counts what goes wrong.

    python benchmarks/mutations.py [--files 20000] [--seed 0]

`mutated_files.py` makes the files. These must never happen: an exception that is not an `ImageError`, the
end of the process, a file that takes longer than the limit, and memory beyond the limit. Afterwards
`locpipe run` gets some of the files as its input; its exit code may be 0 or 3. The program also counts
the branches of `stages/decoding/` that the files reached. Writes results/mutations.md. Needs Linux.
"""

import argparse
import contextlib
import dis
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, Self

from commands import keep, run_command
from mutated_files import mutated, real_files

from locpipe.stages import decoding
from locpipe.stages.decoding.formats import count_pages
from locpipe.stages.errors import ImageError
from locpipe.stages.load import load, probe

REPORT: Final = Path(__file__).parent / "results" / "mutations.md"
MIB: Final = 2**20
SECONDS: Final = 60.0
"""Seconds by the clock that a file may take; the limit is high, for the machine may be busy."""
MEMORY: Final = 256
"""MiB by which the process may grow while it decodes a file."""
MEGAPIXELS: Final = 4.0
"""Larger pages are refused, so that the memory limit tests the decoders and not the page size."""
ADDRESSES: Final = 8192
"""MiB that the process may have in total, so that no file brings the machine down."""
PAGES: Final = 3
TRACED: Final = 2000
RUN_ON: Final = 400


@dataclass
class Tally:
    """The outcome of all files.

    Attributes:
        kinds: number of files of each mutation.
        decoded: number of files whose tried pages all gave pixels.
        wrong: events that must not happen, each with the name of the file.
        slowest: the longest time that a file took, in seconds.
        most: MiB by which the process grew for the file that needed the most memory.
        branches: branches of the decoders that were taken: code, place, and the place where it went on.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    decoded: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    most: int = 0
    branches: set[str] = field(default_factory=set)


def decode(path: Path) -> str:
    """Decode the first pages of a file and its last one; say what is wrong with it, if anything is."""
    said = ""
    try:
        pages = count_pages(path)
    except ImageError as error:
        return str(error)
    for page in {*range(1, min(pages, PAGES) + 1), pages}:
        try:
            probe(path, page=page)
            load(path, page=page, max_megapixels=MEGAPIXELS)
        except ImageError as error:
            said = str(error)
    return said


def work(*, traced: bool) -> None:
    """Decode the files that the parent names, and answer with the outcome of each: the child's part."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES * MIB,) * 2)
    branches: set[str] = set()
    tracer = _tracer(branches)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        # To follow 65,535 pages step by step takes minutes.
        sys.settrace(tracer if traced and path.stat().st_size < MIB else None)
        before = _peak_from_now()
        started = time.process_time()
        try:
            how = "refused" if decode(path) else "decoded"
        except Exception as error:  # noqa: BLE001 - the search is for just such exceptions
            how = f"crash: {type(error).__name__}: {error}".replace("\t", " ").replace("\n", " ")
        taken, grown = time.process_time() - started, _memory("VmHWM") - before
        found = " ".join(branches)
        branches.clear()
        print(how, f"{taken:.3f}", grown // MIB, found, sep="\t", flush=True)


def _peak_from_now() -> int:
    # Some containers forbid it; then the measured growth is too small.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(which: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024
    return 0


class Child:
    """A process that decodes; use as a context manager."""

    def __init__(self, *, traced: bool = False) -> None:
        self._command = [sys.executable, __file__, "--child", *(["--traced"] if traced else [])]
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )

    def decode(self, path: Path) -> list[str]:
        """Return the outcome, the CPU seconds, the MiB that decoding took, and the branches."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        line = self._process.stdout.readline() if ready else "hang"
        if line.endswith("\n"):
            return line.rstrip("\n").split("\t")
        self._process.kill()
        self._process.communicate()
        how = line or f"death: {self._process.returncode}"
        self._process = self._start()
        return [how, "0", "0", ""]


def try_all(files: Iterator[tuple[str, bytes]], folder: Path, *, traced: int = 0) -> Tally:
    """Decode files, the first `traced` of them traced; files that went wrong stay in the folder."""
    tally = Tally()
    numbered = enumerate(files)
    for is_traced in (True, False):
        with Child(traced=is_traced) as child:
            for number, (name, content) in numbered:
                path = folder / name
                path.write_bytes(content)
                how, seconds, grown, branches = child.decode(path)
                if int(grown) > MEMORY:
                    how = f"memory: {grown} MiB"
                tally.kinds[name.split("-")[1]] += 1
                tally.decoded += how == "decoded"
                tally.slowest = max(tally.slowest, float(seconds))
                tally.most = max(tally.most, int(grown))
                tally.branches.update(branches.split())
                if how in {"decoded", "refused"}:
                    path.unlink()
                else:
                    tally.wrong.append(f"{name}: {how}")
                if is_traced and number + 1 >= traced:
                    break
    return tally


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _jumps(code: CodeType) -> dict[int, tuple[int, int]]:
    """The branch instructions of a code object, each with its two targets."""
    steps = list(dis.get_instructions(code))
    return {
        step.offset: (following.offset, int(step.argval))
        for step, following in pairwise(steps)
        if step.opname == "FOR_ITER" or "_IF_" in step.opname
    }


def all_branches() -> set[str]:
    """Every branch of the decoders."""
    found: set[str] = set()
    for file in Path(decoding.__file__).parent.glob("*.py"):
        for code in _codes(compile(file.read_bytes(), str(file), "exec")):
            for place, ways in _jumps(code).items():
                found.update(_branch(code, place, way) for way in ways)
    return found


def _branch(code: CodeType, place: int, way: int) -> str:
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}:{code.co_name}:{place}:{way}"


def _tracer(branches: set[str]) -> Callable[[FrameType, str, Any], Any]:
    """Return a trace function that adds the branches that the decoders take to `branches`."""
    folder = str(Path(decoding.__file__).parent)
    jumps: dict[CodeType, dict[int, tuple[int, int]]] = {}
    last: dict[FrameType, int] = {}

    def in_frame(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - itself
        if event == "opcode":
            before, last[frame] = last.get(frame, -1), frame.f_lasti
            if frame.f_lasti in jumps[frame.f_code].get(before, ()):
                branches.add(_branch(frame.f_code, before, frame.f_lasti))
        elif event == "return":
            last.pop(frame, None)
        return in_frame

    def trace(frame: FrameType, _: str, __: object) -> Any:  # noqa: ANN401 - a tracer
        code = frame.f_code
        if os.path.dirname(code.co_filename) != folder:  # noqa: PTH120 - hot
            return None
        if code not in jumps:
            jumps[code] = _jumps(code)
        frame.f_trace_opcodes = True
        return in_frame

    return trace


def run_on(files: dict[str, bytes], folder: Path) -> int:
    """Give files to a run, and return its exit code."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for name, content in mutated(files, RUN_ON, 1):
        (pictures / name).write_bytes(content)
    more = "--workers", "1", "--set=run.timeout=60"
    command = run_command("digits", pictures, folder / "out", *more)
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode


def report(tally: Tally, seed: int, code: int | None) -> str:
    """The outcome of all files, as Markdown."""
    count = tally.kinds.total()
    of = Counter(one.split(": ")[1] for one in tally.wrong)
    every = all_branches()
    taken = len(every & tally.branches)
    lines = [
        "# Damaged and hostile picture files",
        "",
        f"`python benchmarks/mutations.py`: {count} files of {len(real_files())} real ones, seed {seed}.",
        "",
        "| what became of them | files |",
        "|---|---|",
        f"| decoded | {tally.decoded} |",
        f"| refused with an `ImageError` | {count - tally.decoded - len(tally.wrong)} |",
        *(f"| {kind} | {of[kind]} |" for kind in ("crash", "death", "hang", "memory")),
        "",
        f"A file took at most {tally.slowest:.2f} CPU seconds (limit {SECONDS:g} s) and",
        f"{tally.most} MiB (limit {MEMORY} MiB, with pages of at most {MEGAPIXELS:g} megapixels).",
        f"`locpipe run` on {RUN_ON} such files ended with exit code {code}.",
        f"Branches of `stages/decoding/` that were taken by some of them: {taken} of {len(every)}",
        f"({taken / len(every):.0%}).",
        "",
        "| mutation | files |",
        "|---|---|",
        *(
            f"| {kind.replace('_', ' ')} | {number} |"
            for kind, number in sorted(tally.kinds.items())
        ),
        "",
        *(f"- {one}" for one in tally.wrong),
    ]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Try the files, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--traced", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        work(traced=given.traced)
        return
    folder = Path(tempfile.mkdtemp())
    files = real_files()
    tally = try_all(mutated(files, given.files, given.seed), folder, traced=TRACED)
    keep(REPORT, report(tally, given.seed, run_on(files, folder)))
    if tally.wrong:
        sys.exit(f"files with which something is wrong lie in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
