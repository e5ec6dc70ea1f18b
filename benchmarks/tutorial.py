"""Fully connected layers against global average pooling: the cats and dogs of the tutorial.

    LOCPIPE_DATA=data-sets python benchmarks/tutorial.py

Trains the four endings of `stages/nets/tutorial.py` by their configs, `--seeds` times each. After
every training it writes results/tutorial.md, .json and .png. Trainings in the JSON are not repeated.
A stopped training goes on from its checkpoint.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from locpipe.pipeline.config.file import CONFIGS, Assignment, find_config, read_settings
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.images.data import Samples, read_samples
from locpipe.pipeline.training.images.loop import network_of, train
from locpipe.pipeline.training.images.shown import shown

RESULTS = Path(__file__).parent / "results"
ENDINGS = {
    "fc": "flatten, 2 x dense 100",
    "dropout": "the same, dropout 0.5",
    "pool": "2x2 average pool, flatten",
    "gap": "global average pooling",
}
Done = dict[str, dict[str, Any]]


def main() -> None:
    """Do the missing trainings, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of the configs' own")
    parser.add_argument("--work", type=Path, default=Path("out/tutorial"), help="for checkpoints")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of tutorial.*")
    arguments = parser.parse_args()
    file = arguments.output / "tutorial.json"
    done: Done = json.loads(file.read_text()) if file.exists() else {}
    samples = None
    for seed in range(1, arguments.seeds + 1):
        for ending in ENDINGS:
            config = configured(ending, seed, arguments.work, arguments.epochs)
            if config.output.name not in done:
                samples = samples or read_samples(config)
                done[config.output.name] = trained(config, samples)
                write(done, arguments.output)
    print(table(done))


def configured(ending: str, seed: int, work: Path, epochs: int | None) -> ImagesTrainConfig:
    """Return the shipped config with another seed and output."""
    values = {"seed": seed, "output": str(work / f"{ending}-{seed}")}
    values |= {"epochs": epochs} if epochs else {}
    given = [Assignment((key,), value, "benchmark") for key, value in values.items()]
    path = find_config(f"tutorial-{ending}", CONFIGS / "train")
    return read_settings(path, ImagesTrainConfig, given).config


def trained(config: ImagesTrainConfig, samples: tuple[Samples, Samples]) -> dict[str, Any]:
    """Train a network; return its size, its curve and the number of pictures it saw."""
    network = network_of(config, len(samples[0].classes))
    training, others = (shown(part, config) for part in samples)
    curve = train(config, network, (training, others), resume=True).curve
    return {
        "parameters": sum(one.numel() for one in network.parameters()),
        "pictures": [len(training.x), len(others.x)],
        "curve": curve,
    }


def table(done: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the accuracy of the last and of the best epoch, as mean and spread over the seeds."""
    lines = [
        "| ending | parameters | seeds | training | validation, last epoch | best epoch |",
        "|---|---|---|---|---|---|",
    ]
    for ending, title in ENDINGS.items():
        runs = _runs(done, ending)
        if not runs:
            continue
        last = [run["curve"][-1]["test_accuracy"] for run in runs]
        best = [max(record["test_accuracy"] for record in run["curve"]) for run in runs]
        learned = [run["curve"][-1]["train_accuracy"] for run in runs]
        cells = " | ".join(_spread(values) for values in (learned, last, best))
        lines.append(f"| {title} | {runs[0]['parameters']:,} | {len(runs)} | {cells} |")
    return "\n".join(lines)


def write(done: Done, folder: Path) -> None:
    """Write the table, the numbers and the figure of the trainings done so far."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tutorial.json").write_text(json.dumps(done) + "\n", "utf-8")
    one = next(iter(done.values()))
    text = (
        "Printed by `benchmarks/tutorial.py`: three blocks of 3x3 convolution (32, 32, 64 filters), "
        "batch norm, ReLU and 2x2 max pooling on pictures of 100 x 100 pixels, and four endings. "
        f"{one['pictures'][0]:,} pictures of cats and dogs, {one['pictures'][1]} others to validate, "
        f"{len(one['curve'])} epochs. Accuracy in percent, mean and standard deviation over seeds."
    )
    text += f"\n\n{table(done)}\n\n![validation accuracy over the epochs](tutorial.png)\n"
    (folder / "tutorial.md").write_text(text, "utf-8")
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for ending, title in ENDINGS.items():
        curves = [[r["test_accuracy"] for r in run["curve"]] for run in _runs(done, ending)]
        if curves:
            middle = [statistics.mean(values) for values in zip(*curves, strict=True)]
            epochs = range(1, len(middle) + 1)
            (line,) = axes.plot(epochs, middle, "-", label=title)
            low, high = (list(map(end, zip(*curves, strict=True))) for end in (min, max))
            axes.fill_between(epochs, low, high, alpha=0.15, color=line.get_color())
    axes.set(title="validation accuracy, mean and range of the seeds", xlabel="epoch")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "tutorial.png", dpi=100)


def _runs(done: Mapping[str, Mapping[str, Any]], ending: str) -> Sequence[Mapping[str, Any]]:
    return [run for name, run in sorted(done.items()) if name.rpartition("-")[0] == ending]


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{100 * values[0]:.1f}"
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f}"


if __name__ == "__main__":
    main()
