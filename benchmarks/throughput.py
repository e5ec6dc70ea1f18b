"""Speed and memory of `locpipe run` over many mixed pictures, with 1 and 2 workers, and with 2 threads.

    python benchmarks/throughput.py data-sets/text --count 200

Takes `--count` pictures evenly from all pictures below the folder, in order of their size, so that
small, large, colour and grey pictures are mixed. Runs write masks and JSON, but no overlays, because
only people look at overlays. Prints pictures/s, megapixels/s, CPU seconds of all processes per
megapixel, the largest memory of a worker, and the milliseconds per megapixel spent outside `infer`.
Writes the same to benchmarks/results/throughput.md. Speeds depend on this machine and its load today,
so compare ratios. If other programs run on the machine too, compare CPU seconds.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from locpipe.pipeline.sources.pictures import EXTENSIONS

RESULTS = Path(__file__).parent / "results"
WAYS = (1, 1), (2, 1), (1, 2)
"""The number of workers, and the number of threads per worker."""


def mixed(folder: Path, count: int) -> list[Path]:
    """Return pictures evenly spaced in order of file size."""
    pictures = [path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS]
    pictures.sort(key=lambda path: (path.stat().st_size, path))
    return [pictures[i * len(pictures) // count] for i in range(min(count, len(pictures)))]


def run(config: str, listed: Path, workers: int, threads: int) -> dict[str, float]:
    """Run a config over a list of pictures and return its figures."""
    before = _cpu_seconds()
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "locpipe", "run", config, "--input", str(listed)]
        command += ["--output", output, "--workers", str(workers), "-q"]
        command += ["--set", "output.overlays=false", "--set", "input.root=/"]
        command += ["--set", f"run.threads={threads}"]
        status = subprocess.run(command, check=False).returncode
        if status not in (0, 3):
            sys.exit(status)
        report = json.loads(Path(output, "run.json").read_text())
    megapixels = report["pixels"] / 1e6
    outside = sum(v["total"] for stage, v in report["stages"].items() if stage != "infer")
    return {
        "pictures": report["counts"]["done"],
        "failed": report["counts"]["failed"],
        "megapixels": round(megapixels, 1),
        "pictures/s": round(report["counts"]["done"] / report["seconds"], 2),
        "megapixels/s": round(megapixels / report["seconds"], 2),
        "CPU s/megapixel": round((_cpu_seconds() - before) / megapixels, 3),
        "peak MiB per worker": round(max(report["peak_memory"].values()) / 2**20),
        "infer ms/MP": round(1000 * report["stages"]["infer"]["total"] / megapixels, 1),
        "outside infer ms/MP": round(1000 * outside / megapixels, 1),
    }


def _cpu_seconds() -> float:
    """Return the CPU seconds of all ended processes below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--config", "configs", multiple=True, default=("text",), show_default=True)
@click.option("--count", default=200, show_default=True)
def main(folder: Path, configs: tuple[str, ...], count: int) -> None:
    """Run configs over COUNT pictures of FOLDER."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        listed = Path(temporary, "pictures.jsonl")
        paths = [str(path.resolve()) for path in mixed(folder, count)]
        listed.write_text("".join(json.dumps(path) + "\n" for path in paths))
        for config in configs:
            rows += [
                {"config": config, "workers": workers, "threads": threads}
                | run(config, listed, workers, threads)
                for workers, threads in WAYS
            ]
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    table = "\n".join(lines) + "\n"
    click.echo(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "throughput.md").write_text(table)


if __name__ == "__main__":
    main()
