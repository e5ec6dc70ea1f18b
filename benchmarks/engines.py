"""The cost of each engine: inference, whole runs, and memory over pictures of 200 sizes.

    python benchmarks/engines.py

All times are CPU seconds on one thread in float32. The engines alternate on the same pictures, so
that other work of the machine affects all. Memory is measured in separate processes, with the
memory settings of workers and with others. The tables go to `benchmarks/results/engines.md`.
"""

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast, get_args

import click
import numpy as np
from commands import run_command
from numpy.typing import NDArray
from skimage import data

from locpipe.pipeline.workers import machine
from locpipe.pipeline.workers.cluster import SETTINGS
from locpipe.stages.engines.limits import computing_with
from locpipe.stages.heatmap import weigher
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.precision import has_bfloat16
from locpipe.stages.settings import InferEngineName

ROOT: Final = Path(__file__).resolve().parents[1]
ENGINES: Final[tuple[InferEngineName, ...]] = get_args(InferEngineName)
MODELS: Final = ("text", "text-large")
SMALL: Final = ("coffee.png", "circuit_board.jpg")
LARGEST: Final = 1200  # pixels of a side in the soak
MALLOC: Final = {
    "as glibc does by itself": "",
    "freed blocks kept": "keep",
    "huge pages": "huge",
    "both, as workers do": "keep huge",
}
"""Names of ways to use memory, and what `soak` is told."""


@click.group(invoke_without_command=True)
@click.option("--rounds", default=3, help="How often each engine is timed.")
@click.option("--sizes", default=200, help="Pictures of different sizes that show leaks.")
@click.pass_context
def main(context: click.Context, rounds: int, sizes: int) -> None:
    """Measure the engines, and write the tables."""
    if context.invoked_subcommand:
        return
    rgb = np.ascontiguousarray(np.resize(data.coffee(), (1024, 1024, 3)))
    bfloat16 = "with" if has_bfloat16() else "without"
    lines = [
        f"Processor: {_processor()}, {bfloat16} bfloat16; one thread, float32, {rounds} rounds, alternating.",
        "Medians, and in brackets the medians of the ratios to torch.",
        "",
        f"| measure | {' | '.join(ENGINES)} |",
        f"|---|{'---|' * len(ENGINES)}",
    ]
    for name in MODELS:
        model = load_model(find_model(name))
        rounds_of_model = list(_inference(model, rgb, rounds))
        lines.append(_row(f"{name}: inference, CPU s per megapixel shown", rounds_of_model))
        lines.append(f"| {name}: largest difference of F | {' | '.join(_differences(model))} |")
    lines.append(
        _row("text: a run on two small pictures, CPU s of all processes", list(_runs(rounds)))
    )
    lines += ["", *_soaks(sizes)]
    print("\n".join(lines))
    (ROOT / "benchmarks" / "results" / "engines.md").write_text("\n".join(lines) + "\n")


def _row(name: str, rounds: list[list[float]]) -> str:
    """Return the medians of the engines, and the medians of their ratios to the first."""
    cells = []
    for seconds in zip(*rounds, strict=True):
        firsts = (one[0] for one in rounds)
        ratio = statistics.median(a / b for a, b in zip(seconds, firsts, strict=True))
        cells.append(f"{statistics.median(seconds):.3f} ({ratio:.2f})")
    return f"| {name} | {' | '.join(cells)} |"


def _inference(model: Model, rgb: NDArray[np.uint8], rounds: int) -> Iterator[list[float]]:
    megapixels = rgb.shape[0] * rgb.shape[1] / 1e6
    for number in range(rounds + 1):
        seconds = []
        for engine in ENGINES:
            with computing_with(1):
                started = time.process_time()
                infer(model, rgb, engine=engine, padding="zeros")
                seconds.append((time.process_time() - started) / megapixels)
        if number:  # the first one opens the engines
            yield seconds


def _differences(model: Model) -> list[str]:
    """Return how far filter responses of each engine are from those of the first."""
    exact, *others = (
        infer(model, data.coffee(), engine=engine, padding="zeros").maps for engine in ENGINES
    )
    return ["0", *(f"{float(np.abs(exact - other).max()):.1e}" for other in others)]


def _runs(rounds: int) -> Iterator[list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        pictures.mkdir()
        for name in SMALL:
            shutil.copy(ROOT / "data" / "samples" / name, pictures)
        for _ in range(rounds):
            yield [_run(pictures, Path(folder, "out"), engine) for engine in ENGINES]


def _run(pictures: Path, output: Path, engine: str) -> float:
    """Return the CPU seconds of all processes of a run."""
    shutil.rmtree(output, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = run_command("text", pictures, output, f"--set=infer.engine={engine}")
    environment = {**os.environ, "LOCPIPE_PRECISION": "float32"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _soaks(sizes: int) -> Iterator[str]:
    """Compare memory and time of the ways to use memory, and of the engines in that of workers."""
    yield f"`text` on {sizes} pictures of up to {LARGEST} x {LARGEST} pixels, in a process of its own."
    yield ""
    yield "| engine | memory is used | MiB after a picture, first half | second half | peak MiB | CPU s | of which system | page faults, thousands |"
    yield "|---|---|---|---|---|---|---|---|"
    both = "both, as workers do"
    ways = [(engine, both) for engine in ENGINES]
    ways += [("onnxruntime", way) for way in MALLOC if way != both]
    for engine, way in ways:
        found = _soaked(engine, MALLOC[way], sizes)
        yield f"| {engine} | {way} | {' | '.join(map(str, found))} |"


def _soaked(engine: str, way: str, sizes: int) -> list[Any]:
    tunables = str(SETTINGS["distributed.nanny.pre-spawn-environ.GLIBC_TUNABLES"])
    environment = {**os.environ, **({"GLIBC_TUNABLES": tunables} if "huge" in way else {})}
    command = [sys.executable, __file__, "soak", engine, "--sizes", str(sizes)]
    command += ["--keep"] if "keep" in way else []
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE)
    return cast("list[Any]", json.loads(done.stdout))


@main.command()
@click.argument("engine", type=click.Choice(ENGINES))
@click.option("--sizes", default=200)
@click.option("--keep", is_flag=True, help="Have glibc keep freed blocks, as in a worker.")
def soak(engine: InferEngineName, sizes: int, keep: bool) -> None:  # noqa: FBT001 - click's
    """Run an engine on pictures of many sizes, and print the growth of memory and the time."""
    if keep:
        machine.reuse_freed_memory()
    model = load_model(find_model("text"))
    weigh = weigher(model, ["text"], ("native", "normal", 1.0))
    photograph = data.coffee()
    shapes = np.random.default_rng(0).integers(1, LARGEST, (sizes, 2)).tolist()
    most = machine.resident_memory() + machine.KEPT
    resident = []
    with computing_with(1):
        for height, width in shapes:
            rgb = np.resize(photograph, (height, width, 3))
            infer(model, rgb, engine=engine, padding="zeros", weigh=weigh)
            if keep:
                machine.return_freed_memory(most)
            resident.append(machine.resident_memory() // 2**20)
    used = resource.getrusage(resource.RUSAGE_SELF)
    halves = max(resident[: sizes // 2], default=0), max(resident[sizes // 2 :])
    seconds = round(used.ru_utime + used.ru_stime, 1), round(used.ru_stime, 1)
    peak = machine.peak_memory() // 2**20
    print(json.dumps([*halves, peak, *seconds, used.ru_minflt // 1000]))


@main.command()
@click.option("--rounds", default=7)
def threads(rounds: int) -> None:
    """Print CPU seconds per megapixel with one thread and with all, in alternation."""
    model = load_model(find_model("text"))
    rgb = np.ascontiguousarray(np.resize(data.coffee(), (1024, 1024, 3)))
    counts = 1, machine.CORES
    for engine in ENGINES:
        found: list[list[float]] = []
        for _ in range(rounds + 1):  # the first one opens the engines
            found.append([])
            for count in counts:
                with computing_with(count):
                    started = time.process_time()
                    infer(model, rgb, engine=engine, padding="zeros")
                    found[-1].append((time.process_time() - started) / (rgb.size / 3e6))
        columns = zip(*found[1:], strict=True)
        told = zip(counts, map(statistics.median, columns), strict=True)
        print(engine, *(f"{count} threads: {seconds:.3f}" for count, seconds in told), flush=True)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
