"""Measures time and memory of `text` on pictures of hundreds of megapixels and of ten.

    python benchmarks/huge_pictures.py [--sides 20000 45000] [--folder FOLDER]

The pictures are the photographs of data/samples side by side, again and again: a tiled TIFF and a JPEG of
each size, and the largest as a TIFF only. Each is a run of its own with one worker. CPU seconds are of all processes,
less those of a run over a picture of 64 x 64 pixels. Memory is the peak of the worker. Pictures lie in FOLDER,
which needs some gigabytes. Writes results/huge_pictures.md. Needs `locpipe[huge]`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pyvips
from commands import keep, run_command

from locpipe.stages.precision import has_bfloat16

SAMPLES: Final = Path(__file__).resolve().parents[1] / "data" / "samples"
REPORT: Final = Path(__file__).parent / "results" / "huge_pictures.md"
SMALL: Final = (4000, 2500)
TILE: Final = 2048
LARGEST_JPEG: Final = 30_000
"""Pixels of a side; JPEG itself ends at 65,535."""


def photographs(width: int, height: int) -> pyvips.Image:
    """Return the samples side by side, each cut or continued to a square, until the size is reached."""
    files = sorted(file for file in SAMPLES.iterdir() if file.suffix in {".jpg", ".png"})
    opened = [pyvips.Image.new_from_file(str(file)).autorot() for file in files]
    squares = [
        (one.flatten() if one.hasalpha() else one).colourspace("srgb").copy_memory()
        for one in opened
    ]
    tiles = [
        one.replicate(-(-TILE // one.width), -(-TILE // one.height)).crop(0, 0, TILE, TILE)
        for one in squares
    ]
    rows = pyvips.Image.arrayjoin(tiles, across=4).copy_memory()
    return rows.replicate(-(-width // rows.width), -(-height // rows.height)).crop(
        0, 0, width, height
    )


def measured(picture: Path) -> tuple[float, float, int, int]:
    """Run on one picture; return CPU seconds, wall seconds, the peak of the worker in bytes, boxes."""
    with tempfile.TemporaryDirectory(dir=picture.parent) as output:
        command = run_command("text", picture, Path(output), "--workers", "1")
        before = _cpu()
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit(done.returncode)
        report = json.loads(Path(output, "run.json").read_bytes())
    peak = max(report["peak_memory"].values())
    return _cpu() - before, report["seconds"], peak, report["boxes"]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the pictures, one after the other, measure them, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[20_000])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    lines = [
        f"`locpipe run text`, one worker, {'with' if has_bfloat16() else 'without'} bfloat16.",
        "",
        "| picture | megapixels | CPU s per megapixel | times that of 10 megapixels | peak of the worker, MiB | boxes |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        empty = Path(folder, "small.png")
        photographs(64, 64).write_to_file(str(empty))
        start, base = measured(empty)[0], 0.0
        for width, height in (SMALL, *((side, side) for side in given.sides)):
            for name in ("tif", "jpg"):
                if name == "jpg" and width > LARGEST_JPEG:
                    continue
                picture = Path(folder, f"{width}x{height}.{name}")
                options = (
                    {"tile": True, "compression": "jpeg", "bigtiff": True} if name == "tif" else {}
                )
                photographs(width, height).write_to_file(str(picture), Q=90, **options)
                cpu, _, peak, boxes = measured(picture)
                picture.unlink()
                megapixels = width * height / 1e6
                share = (cpu - start) / megapixels
                base = base or share
                kind = "tiled TIFF" if name == "tif" else "JPEG"
                lines.append(
                    f"| {width} x {height}, {kind} | {megapixels:.0f} | {share:.3f} | {share / base:.2f} | "
                    f"{peak / 2**20:.0f} | {boxes} |"
                )
                print(lines[-1], flush=True)
    keep(REPORT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
