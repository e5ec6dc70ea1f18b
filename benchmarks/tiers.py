"""All text models compared: how well they find text, and what they cost.

    python benchmarks/tiers.py --data data-sets

Each model runs by its shipped config over the same whole pictures, in float32 in ONNX Runtime. Words are
scored on ICDAR 2013 and 2015, and lines on MSRA-TD500 (word boxes are first joined by `line`). False
alarms are counted on every fifth picture of backgrounds/. The code of `locpipe evaluate` gives the scores.
The pictures of each set are numbered by sorted name; the even-numbered ones are also scored separately.
CPU seconds are those of whole processes with one thread. The models take turns on the same few pictures of
ICDAR 2015. Results are kept below --work, so a stopped run goes on where it was. Writes
benchmarks/results/tiers.md and .json.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from competitors import OURS
from picture_sets import Set, evenly, sets_of
from quality_scores import box_file, scored
from tqdm import tqdm

NO_FAILURE_OR_SOME = (0, 3)
RESULTS = Path(__file__).parent / "results"
SHOWN = ("icdar2015", "deteval")
STREETS = "icdar2015_train"

Scores = dict[str, Any]


def run(config: str, pictures: Sequence[Path], output: Path) -> float:
    """Run a config over pictures; return the CPU seconds of its process."""
    output.parent.mkdir(parents=True, exist_ok=True)
    listed = output.with_suffix(".jsonl")
    listed.write_text("".join(json.dumps(str(path.resolve())) + "\n" for path in pictures))
    command = [sys.executable, "-m", "locpipe", "run", config, "--input", str(listed)]
    command += ["--output", str(output), "--workers", "0", "-q"]
    root = os.path.commonpath([path.resolve().parent for path in pictures])
    settings = "output.overlays=false", "output.masks=false", "infer.engine=onnxruntime"
    for setting in (*settings, f"input.root={root}"):
        command += ["--set", setting]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "LOCPIPE_PRECISION": "float32"}
    status = subprocess.run(command, check=False, env=environment).returncode
    if status not in NO_FAILURE_OR_SOME:
        sys.exit(status)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def scores(one: Set, even: Sequence[Path], output: Path) -> Scores:
    """Return the scores of a set: for all its pictures, and for the even-numbered ones."""
    files = {file.name: file for file in (output / "boxes").rglob("*.json")}
    found = {
        picture: file.read_text() if (file := files.get(f"{picture.name}.json")) else box_file(picture, [])
        for picture in one.pictures
    }  # fmt: skip
    parts = {"all": one, "even": replace(one, pictures=tuple(even))}
    return {name: _of(part, {p: found[p] for p in part.pictures}) for name, part in parts.items()}


def _of(one: Set, found: Mapping[Path, str]) -> Scores:
    if one.has_truth:
        return scored(OURS.variants[0], one, found)
    return {
        "pictures": len(found),
        "with_a_box": sum(bool(json.loads(document)["boxes"]) for document in found.values()),
    }


def costs(configs: Sequence[str], pictures: Sequence[Path], rounds: int) -> dict[str, float]:
    """Return the CPU seconds per picture of each config: the median of rounds that take turns."""
    spent: dict[str, list[float]] = {config: [] for config in configs}
    for _ in tqdm(range(rounds if pictures else 0), "cost", disable=None):
        for config in configs:
            with tempfile.TemporaryDirectory() as folder:
                seconds = run(config, pictures, Path(folder, "out"))
            spent[config].append(seconds / len(pictures))
    return {config: statistics.median(seconds) for config, seconds in spent.items() if seconds}


def table(found: Mapping[str, Mapping[str, Scores]], cost: Mapping[str, float]) -> str:
    """Return the Markdown table, rates in percent: a line per set and config, then the costs."""
    head = ("set", "config", "IoU P / R / H [95 %]", "DetEval P / R / H [95 %]", "even-numbered: IoU H, DetEval H")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, by_config in found.items():
        for config, parts in by_config.items():
            title = f"{name}, {parts['all']['pictures']}"
            lines.append(f"| {title} | `{config}` | {' | '.join(_cells(parts))} |")
    lines += [
        "",
        *(f"- `{config}`: {value:.3f} CPU s per picture" for config, value in cost.items()),
    ]
    return "\n".join(lines) + "\n"


def _cells(parts: Scores) -> list[str]:
    whole, even = parts["all"], parts["even"]
    if "with_a_box" in whole:
        shares = (
            f"{part['with_a_box']} of {part['pictures']} get a box "
            f"({100 * part['with_a_box'] / max(1, part['pictures']):.1f} %)"
            for part in (whole, even)
        )
        return [next(shares), "", next(shares)]
    cells = []
    for protocol in SHOWN:
        total = whole[protocol]
        p, r, h = (100 * total["score"][key] for key in ("precision", "recall", "h"))
        low, high = (100 * total[key]["h"] for key in ("low", "high"))
        cells.append(f"{p:.1f} / {r:.1f} / **{h:.1f}** [{low:.1f}, {high:.1f}]")
    rates = ", ".join(f"{100 * even[protocol]['score']['h']:.1f}" for protocol in SHOWN)
    return [*cells, f"{rates} ({even['pictures']})"]


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", default=0, help="Of each set, evenly spaced; 0: all.")
@click.option("--config", "configs", multiple=True, default=("text", "text-large"))
@click.option("--speed", default=12, show_default=True, help="Pictures to measure it on; 0: not.")
@click.option("--rounds", default=3, show_default=True, help="How often each config is timed.")
@click.option("--work", default=Path("out/tiers"), type=click.Path(path_type=Path))
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
def main(
    data: Path,
    pictures: int,
    configs: tuple[str, ...],
    speed: int,
    rounds: int,
    work: Path,
    results: Path,
) -> None:
    """Compare our text models on the pictures below --data."""
    found: dict[str, dict[str, Scores]] = {}
    streets: tuple[Path, ...] = ()
    for whole in sets_of(data):
        one, even = whole.thinned(pictures), set(whole.pictures[1::2])
        streets = one.pictures if whole.name == STREETS else streets
        for config in configs:
            output = work / config / one.name
            run(config, one.pictures, output)
            chosen = [picture for picture in one.pictures if picture in even]
            found.setdefault(one.name, {})[config] = scores(one, chosen, output)
    cost = costs(configs, evenly(streets, speed) if speed and streets else (), rounds)
    counts = ", ".join(
        f"{len(one.thinned(pictures).pictures)} of {one.name}" for one in sets_of(data)
    )
    text = (
        f"Printed by `benchmarks/tiers.py`: {counts} (every fifth of backgrounds, kept out of training). "
        "Percent, with the 95 % bootstrap interval of H; IoU at 0.5 one to one, DetEval as in ICDAR 2013, "
        "lines against lines on MSRA-TD500. float32 in ONNX Runtime. In the last column are the pictures "
        "with even numbers by sorted name, and how many these are. CPU seconds are those of whole "
        f"processes on one thread, {speed} pictures of {STREETS} each, the median of {rounds} rounds in "
        f"alternation.\n\n{table(found, cost)}"
    )
    click.echo(text)
    results.mkdir(parents=True, exist_ok=True)
    (results / "tiers.md").write_text(text, "utf-8")
    document = {"sets": found, "cpu_seconds_per_picture": cost}
    (results / "tiers.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
