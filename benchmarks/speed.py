"""CPU per picture of `locpipe run text` and of other detectors, as whole processes that take turns.

    python benchmarks/speed.py data-sets/text/icdar2015_train/images

All see the same pictures, on one thread, in float32. A process sees first one picture, then all of
them. The difference gives the cost of a picture without the start. Times are CPU seconds of a process
and of all processes that it started, with decoding and with writing of results. So other work on the
machine counts little. Then inference alone is compared with a matrix product on one core. Detectors run
in the environments of `quality.py`. The table goes to `benchmarks/results/speed.md`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
import numpy as np
from competitors import COMPETITORS, PROGRAM, Detector, Unavailable, environment
from picture_sets import evenly
from skimage import data

from locpipe.stages.engines.choice import yardsticks
from locpipe.stages.engines.limits import computing_with
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import find_model, load_model

RESULTS: Final = Path(__file__).parent / "results"
FEW: Final = 4
"""Pictures that a slow detector sees."""
Run = Callable[[Sequence[Path]], float]
"""Shows pictures to a new process, and returns the CPU seconds of the process."""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pictures", "count", default=12, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Pairs of each detector.")
@click.option("--detector", "names", multiple=True, default=("ppocr-v6-tiny", "craft"))
@click.option("--work", type=click.Path(path_type=Path), default=Path("output/quality"))
def main(folder: Path, count: int, rounds: int, names: tuple[str, ...], work: Path) -> None:
    """Measure pictures of FOLDER, and write the table."""
    pictures = evenly(sorted(folder.iterdir()), count)
    lines = [
        f"Whole processes in alternation, one thread, float32, {len(pictures)} pictures of {folder.parent.name}; medians of {rounds} pairs.",
        "A ratio is locpipe's CPU over the other's.",
        "",
        "| detector | CPU s per picture, with the start | without | locpipe, with the start | without | ratio with the start | without |",
        "|---|---|---|---|---|---|---|",
    ]
    for detector in (one for one in COMPETITORS if one.name in names):
        shown = pictures[:FEW] if detector.slow else pictures
        try:
            row = _row(detector, shown, 1 if detector.slow else rounds, work)
        except Unavailable as error:
            row = f"missing: {error} | | | | | "
        lines.append(f"| {detector.variants[0].title} | {row} |")
        print(lines[-1], flush=True)
    lines += ["", _share(rounds)]
    print("\n".join(lines))
    (RESULTS / "speed.md").write_text("\n".join(lines) + "\n")


def _row(detector: Detector, pictures: Sequence[Path], rounds: int, work: Path) -> str:
    python = environment(detector.requirements, work / "venvs")

    def theirs(shown: Sequence[Path]) -> float:
        asked = "".join(json.dumps(str(picture.resolve())) + "\n" for picture in shown)
        return _cpu([str(python), str(PROGRAM), detector.name], asked)

    def ours(shown: Sequence[Path]) -> float:
        listed, output = work / "speed.jsonl", work / "speed"
        listed.write_text("".join(json.dumps(str(one.resolve())) + "\n" for one in shown))
        command = [sys.executable, "-m", "locpipe", "run", "text", "--input", str(listed)]
        command += ["--output", str(output), "--workers", "1", "-q", "--force", "--set"]
        return _cpu([*command, f"input.root={pictures[0].parent.resolve()}"])

    rows = []
    for _ in range(rounds):
        pair = [_measured(run, pictures) for run in (theirs, ours)]
        rows.append([*pair[0], *pair[1], *(b / a for a, b in zip(*pair, strict=True))])
    return " | ".join(f"{statistics.median(column):.2f}" for column in zip(*rows, strict=True))


def _measured(run: Run, pictures: Sequence[Path]) -> tuple[float, float]:
    """Return CPU seconds per picture: with the start of the process, and without it."""
    one, all_of_them = run(pictures[:1]), run(pictures)
    return all_of_them / len(pictures), (all_of_them - one) / (len(pictures) - 1)


def _cpu(command: list[str], asked: str = "") -> float:
    """Return the CPU seconds of a process and of all that it started.

    Raises:
        Unavailable: the process ends with an error.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    known = {**os.environ, **threads, "LOCPIPE_PRECISION": "float32"}
    done = subprocess.run(
        command, input=asked, env=known, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(done.stderr[-300:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _share(rounds: int) -> str:
    """Return the speed of inference on one core as a share of a matrix product's, measured in turn."""
    model = load_model(find_model("text"))
    rgb = np.ascontiguousarray(np.resize(data.coffee(), (1024, 1024, 3)))
    shares = []
    for number in range(rounds + 1):
        with computing_with(1):
            started = time.process_time()
            infer(model, rgb, engine="onnxruntime", padding="zeros")
            seconds = time.process_time() - started
        macs, ceilings = yardsticks(model, "native", windows=False, threads=1)
        speed = 2 * macs * rgb.shape[0] * rgb.shape[1] / seconds
        if number:  # the first one opens the engine
            shares.append((speed / ceilings["float32"], speed / 1e9, ceilings["float32"] / 1e9))
    share, speed, ceiling = (statistics.median(column) for column in zip(*shares, strict=True))
    return (
        f"Inference of `text` in ONNX Runtime: {speed:.0f} GFLOP/s on one core, {100 * share:.0f} % of "
        f"the {ceiling:.0f} GFLOP/s of a float32 matrix product."
    )


if __name__ == "__main__":
    main()
