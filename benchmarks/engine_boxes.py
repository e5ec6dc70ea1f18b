"""Checks that all engines find the same text: H on sets of photographs, and differences of boxes.

    python benchmarks/engine_boxes.py data-sets/text/icdar2013_train

Runs `locpipe run text` in float32 with each engine, evaluates the boxes, and compares their corners
with those of PyTorch. The table goes to `benchmarks/results/engine_boxes.md`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, get_args

import click
import numpy as np

from locpipe.stages.settings import InferEngineName

RESULTS: Final = Path(__file__).parent / "results"
ENGINES: Final[tuple[InferEngineName, ...]] = get_args(InferEngineName)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--config", default="text", help="Name or file of a config.")
def main(folders: tuple[Path, ...], config: str) -> None:
    """Compare the engines on sets, each a folder with images/ and gt/."""
    lines = [
        f"`locpipe run {config}` in float32. The last two columns compare with PyTorch.",
        "",
        "| set | engine | boxes | IoU H | DetEval H | pictures with another number of boxes | largest difference of a corner, pixels |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as work:
        for folder in folders:
            outputs = {engine: Path(work, folder.name, engine) for engine in ENGINES}
            for engine, output in outputs.items():
                _run(config, folder / "images", output, engine)
            lines += [
                f"| {folder.name} | {engine} | {_row(folder, output, outputs['torch'])} |"
                for engine, output in outputs.items()
            ]
            print("\n".join(lines), flush=True)
    (RESULTS / "engine_boxes.md").write_text("\n".join(lines) + "\n")


def _locpipe(*words: str) -> str:
    """Run a command of locpipe, whose pictures may fail, and return what it prints."""
    environment = {**os.environ, "LOCPIPE_PRECISION": "float32"}
    command = [sys.executable, "-m", "locpipe", *words, "-q"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(done.returncode)
    return done.stdout


def _run(config: str, pictures: Path, output: Path, engine: str) -> None:
    named = f"infer.engine={engine}"
    nothing = "--set", "output.masks=false", "--set", "output.overlays=false"
    _locpipe("run", config, "--input", str(pictures), "--output", str(output), "--set", named, *nothing)  # fmt: skip


def _row(folder: Path, output: Path, exact: Path) -> str:
    command = "evaluate", str(output), "--truth", str(folder / "gt"), "--json"
    found = json.loads(_locpipe(*command, "--protocol", "icdar2015", "--protocol", "deteval"))
    scores = [
        f"{100 * found['totals'][name]['score']['h']:.2f}" for name in ("icdar2015", "deteval")
    ]
    boxes, others = _boxes(output), _boxes(exact)
    other_number, most = 0, 0.0
    for name, corners in boxes.items():
        if corners.shape == others[name].shape:
            most = max(most, float(np.abs(corners - others[name]).max(initial=0)))
        else:
            other_number += 1
    count = sum(map(len, boxes.values()))
    return " | ".join([str(count), *scores, str(other_number), f"{most:.3f}"])


def _boxes(output: Path) -> dict[str, np.ndarray]:
    """Return the corners of the boxes of each picture, [N, 4], in reading order."""
    found = {}
    for file in sorted((output / "boxes").rglob("*.json")):
        rects = [box["rect"] for box in json.loads(file.read_text())["boxes"]]
        found[str(file.relative_to(output))] = np.array(rects, float).reshape(-1, 4)
    return found


if __name__ == "__main__":
    main()
