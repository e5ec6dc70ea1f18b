"""What each engine costs, and that they give the same: inference, whole runs, and 200 sizes.

    python benchmarks/engines.py

All times are CPU seconds on one thread in float32. The engines alternate on the same pictures, so
that what else the machine does meets both. The table goes to `benchmarks/results/engines.md`.
"""

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
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from skimage import data

from locpipe.stages.engines.limits import computing_with
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.precision import has_bfloat16
from locpipe.stages.settings import InferEngineName

ROOT: Final = Path(__file__).resolve().parents[1]
ENGINES: Final[tuple[InferEngineName, ...]] = ("torch", "onnxruntime")
SMALL: Final = ("coffee.png", "circuit_board.jpg")


@click.command()
@click.option("--rounds", default=7, help="How often each engine is timed.")
@click.option("--sizes", default=200, help="Pictures of different sizes that show leaks.")
def main(rounds: int, sizes: int) -> None:
    """Measure the engines on the text model, and write the table."""
    model = load_model(find_model("text"))
    rgb = np.ascontiguousarray(np.resize(data.coffee(), (1024, 1024, 3)))
    lines = [
        f"Processor: {_processor()}, {'with' if has_bfloat16() else 'without'} bfloat16; one thread, float32, {rounds} rounds, alternating.",
        "",
        "| measure | torch | onnxruntime | onnxruntime / torch |",
        "|---|---|---|---|",
        _row("inference, CPU s per megapixel shown", list(_inference(model, rgb, rounds))),
        _row("a run on two small pictures, CPU s of all processes", list(_runs(rounds))),
        "",
        *_soak(model, sizes),
    ]
    print("\n".join(lines))
    (ROOT / "benchmarks" / "results" / "engines.md").write_text("\n".join(lines) + "\n")


def _row(name: str, pairs: list[tuple[float, float]]) -> str:
    """Return the medians of both engines, and the median of their ratios."""
    torch, onnx = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(other / one for one, other in pairs)
    return f"| {name} | {torch:.3f} | {onnx:.3f} | {ratio:.2f} |"


def _inference(model: Model, rgb: NDArray[np.uint8], rounds: int) -> Iterator[tuple[float, float]]:
    megapixels = rgb.shape[0] * rgb.shape[1] / 1e6
    for number in range(rounds + 1):
        seconds = []
        for engine in ENGINES:
            with computing_with(1):
                started = time.process_time()
                infer(model, rgb, engine=engine, padding="zeros")
                seconds.append((time.process_time() - started) / megapixels)
        if number:  # the first one opens the engines
            yield seconds[0], seconds[1]


def _runs(rounds: int) -> Iterator[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        pictures.mkdir()
        for name in SMALL:
            shutil.copy(ROOT / "data" / "samples" / name, pictures)
        for _ in range(rounds):
            torch, onnx = (_run(pictures, Path(folder, "out"), engine) for engine in ENGINES)
            yield torch, onnx


def _run(pictures: Path, output: Path, engine: str) -> float:
    """Return the CPU seconds of all processes of a run."""
    shutil.rmtree(output, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "locpipe", "run", "text", "--input", str(pictures)]
    command += ["--output", str(output), "-q", "--set", f"infer.engine={engine}"]
    environment = {**os.environ, "LOCPIPE_PRECISION": "float32"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _soak(model: Model, sizes: int) -> Iterator[str]:
    """Show pictures of many sizes to each engine, and tell how memory grew and how answers differ."""
    random = np.random.default_rng(0)
    photograph = data.coffee()
    shapes = random.integers(1, 1200, (sizes, 2)).tolist()
    for engine in ENGINES[::-1]:  # torch, once imported, would count for the other
        resident = []
        for height, width in shapes:
            with computing_with(1):
                infer(model, np.resize(photograph, (height, width, 3)), engine=engine)
            resident.append(_resident())
        half = max(resident[: sizes // 2]), max(resident[sizes // 2 :])
        yield (
            f"{engine}, {sizes} pictures of up to 1200 x 1200 pixels: at most {half[0]} MiB resident "
            f"after a picture in the first half, {half[1]} MiB in the second.\n"
        )
    most = 0.0
    for height, width in shapes[: max(1, sizes // 10)]:
        rgb = np.resize(photograph, (height, width, 3))
        torch, onnx = (infer(model, rgb, engine=engine).maps for engine in ENGINES)
        most = max(most, float(np.abs(torch - onnx).max()))
    yield f"Largest difference of a filter response between the engines: {most:.1e}."


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
