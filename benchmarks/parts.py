"""Measure what it costs and what it saves to show pictures to the text model in parts.

    python benchmarks/parts.py

Each picture is shown whole and in parts of the default size, in turn, each time in a new process.
"""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import click
import numpy as np
from skimage import data

from locpipe.pipeline.workers.machine import reuse_freed_memory
from locpipe.stages.engines.limits import computing_with
from locpipe.stages.heatmap import weigher
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import find_model, load_model
from locpipe.stages.parts import MEMORY
from locpipe.stages.precision import has_bfloat16

ROOT: Final = Path(__file__).resolve().parents[1]
SIZES: Final = ((720, 1280), (1500, 2000), (3000, 4000), (4000, 6000), (2500, 20_000))
UNBOUNDED: Final = 2**50
LARGEST_WHOLE: Final = 25e6
"""Pixels. A larger picture, shown whole, needs more memory than many machines have."""


@click.group(invoke_without_command=True)
@click.option("--rounds", default=3, help="How often each picture is shown in each way.")
@click.pass_context
def main(context: click.Context, rounds: int) -> None:
    """Measure all sizes, and write the table."""
    if context.invoked_subcommand:
        return
    processor = "with" if has_bfloat16() else "without"
    lines = [
        f"Processor {processor} bfloat16; ONNX Runtime, one thread, float32, {rounds} rounds in turn, medians.",
        "Memory is the peak of the process on top of what it had before, the picture not counted.",
        "",
        "| picture | whole, CPU s/MP | in parts | whole, MiB | in parts |",
        "|---|---|---|---|---|",
    ]
    for height, width in SIZES:
        ways = [MEMORY] if height * width > LARGEST_WHOLE else [UNBOUNDED, MEMORY]
        found = [[_measured(height, width, way) for way in ways] for _ in range(rounds)]
        cells = [
            [statistics.median(one[way][what] for one in found) for way in range(len(ways))]
            for what in (0, 1)
        ]
        seconds, memory = (["-"] * (2 - len(ways)) + list(map(str, cell)) for cell in cells)
        lines.append(f"| {width} x {height} | {' | '.join([*seconds, *memory])} |")
        print(lines[-1], flush=True)
    (ROOT / "benchmarks" / "results" / "parts.md").write_text("\n".join(lines) + "\n")


def _measured(height: int, width: int, memory: int) -> tuple[float, float]:
    """Return CPU seconds per megapixel and MiB of a picture, measured in a new process."""
    command = [sys.executable, __file__, "one", str(height), str(width), str(memory)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, taken = printed.split()
    return float(seconds), float(taken)


@main.command()
@click.argument("height", type=int)
@click.argument("width", type=int)
@click.argument("memory", type=int)
def one(height: int, width: int, memory: int) -> None:
    """Print CPU seconds per megapixel and MiB of a picture of that size."""
    reuse_freed_memory()
    model = load_model(find_model("text"))
    weigh = weigher(model, ["text"], ("native", "normal", 1.0))
    rgb = np.ascontiguousarray(np.resize(data.coffee(), (height, width, 3)))
    with computing_with(1, memory):
        infer(model, rgb[:64, :64], padding="zeros", engine="onnxruntime", weigh=weigh)
        before, started = _peak(), time.process_time()
        infer(model, rgb, padding="zeros", engine="onnxruntime", weigh=weigh)
    seconds = (time.process_time() - started) / (height * width / 1e6)
    print(round(seconds, 3), (_peak() - before) // 2**20)


def _peak() -> int:
    """Return the largest resident size so far, in bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found, "Linux says so"
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
