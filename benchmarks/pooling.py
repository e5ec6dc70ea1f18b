"""Where is the horse? Five ways of pooling class maps, trained on labels of whole pictures.

    LOCPIPE_DATA=data-sets python benchmarks/pooling.py

Horses against photographs without one (`objects/horse`, `backgrounds`), as `locpipe train heads`
does it: the trunk keeps its ImageNet weights. In the order of their names, every second picture is
for training. The other pictures give the accuracy and the MaxBoxAccV2 of the horse's map. Writes
results/pooling.md and .json.
"""

import argparse
import csv
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from locpipe.pipeline.config.file import CONFIGS, Assignment, find_config, read_settings
from locpipe.pipeline.evaluation.wsol import centre_gaussian, max_box_acc, whole_picture
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.images.data import Samples, squared
from locpipe.pipeline.training.images.loop import TrainedImages, network_of, train
from locpipe.pipeline.training.images.shown import Shown, features_of, shown
from locpipe.stages.load import load
from locpipe.stages.nets.pooling import PooledClassifier

RESULTS = Path(__file__).parent / "results"
HEADS = (
    ("gap", "log"),
    ("max", "log"),
    ("lse(beta=5)", "log"),
    ("weldon(k_max=3, k_min=3)", "log"),
    ("wildcat(maps=4, alpha=0.7, k=0.2)", "log"),
    ("weldon(k_max=1, k_min=1)", "mantra"),
)
SIDE = 112  # of the scored maps, many times the number of cells; Choe et al. warp maps to 224
Boxes = list[NDArray[np.float64]]
Row = list[dict[str, float]]


def main() -> None:
    """Train and score all heads, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("LOCPIPE_DATA", "data")))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backgrounds", type=int, default=200, help="evenly spaced by name")
    parser.add_argument("--size", type=int, default=256, help="pixels of a picture as shown")
    parser.add_argument("--work", type=Path, default=Path("out/pooling"), help="for checkpoints")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of pooling.*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    features, boxes = read_features(arguments)
    learned = torch.arange(len(features.x)) % 2 == 0
    parts = part(features, learned), part(features, ~learned)
    kept_out = [box for box, also in zip(boxes, learned.tolist(), strict=False) if not also]
    rows = {
        "whole picture": [scored([whole_picture(SIDE, SIDE)] * len(kept_out), kept_out)],
        "centre Gaussian": [scored([centre_gaussian(SIDE, SIDE)] * len(kept_out), kept_out)],
    }
    for head, loss in HEADS:
        row = rows.setdefault(head if loss == "log" else f"{head}, MANTRA", [])
        for seed in range(1, arguments.seeds + 1):
            config = configured(head, loss, seed, arguments)
            trained = train(config, network_of(config, 2), parts, resume=True)
            row.append(measured(trained, parts[1], kept_out))
            print(head, loss, seed, row[-1], flush=True)
        write(rows, [len(one.x) for one in parts], arguments)
    print(table(rows))


def configured(head: str, loss: str, seed: int, given: argparse.Namespace) -> ImagesTrainConfig:
    """Return the shipped config with another head, loss, seed, size and output."""
    output = given.work / f"{head.partition('(')[0]}-{loss}-{given.size}-{seed}"
    values = {"head": head, "loss": loss, "seed": seed, "size": given.size, "output": str(output)}
    assignments = [Assignment((key,), value, "benchmark") for key, value in values.items()]
    path = find_config("heads", CONFIGS / "train")
    return read_settings(path, ImagesTrainConfig, assignments).config


def read_features(given: argparse.Namespace) -> tuple[Shown, Boxes]:
    """Return the features of all pictures and the horses' warped boxes; both are computed once and kept."""
    file = given.work / f"features-{given.size}-{given.backgrounds}.safetensors"
    if not file.exists():
        samples, boxes = read(given.data, given.backgrounds, given.size)
        plain = configured("gap", "log", 1, given)
        features = features_of(network_of(plain, 2), shown(samples, plain))
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = {"x": features.x, "targets": features.targets}
        save_file(kept | {"boxes": torch.from_numpy(np.stack(boxes))}, file)
    stored = load_file(file)
    return Shown(stored["x"], stored["targets"]), list(SIDE * stored["boxes"].numpy())


def read(data: Path, backgrounds: int, size: int) -> tuple[Samples, Boxes]:
    """Return horses, then pictures without horses; and the horses' boxes in sides of the picture."""
    with (data / "objects/horse/boxes_from_masks.csv").open() as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: row["image"])
    horses = [load(data / "objects/horse/rgb" / row["image"]).rgb for row in rows]
    names = sorted((data / "backgrounds").iterdir())
    others = [load(names[i * len(names) // backgrounds]).rgb for i in range(backgrounds)]
    pictures = np.stack([squared(rgb, size, "stretch", 3) for rgb in (*horses, *others)])
    targets = np.eye(2, dtype=np.bool_)[[0] * len(horses) + [1] * len(others)]
    boxes = [
        np.array([[float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")]])
        / (rgb.shape[1::-1] * 2)
        for row, rgb in zip(rows, horses, strict=True)
    ]
    return Samples(pictures, targets, ("horse", "other")), boxes


def part(features: Shown, index: torch.Tensor) -> Shown:
    """Return the features of the pictures at these indices."""
    return Shown(features.x[index], features.targets[index])


def measured(trained: TrainedImages, kept_out: Shown, boxes: Boxes) -> dict[str, float]:
    """Return accuracy, and the scores of the map of horse against other."""
    classifier = trained.network.classifier
    assert isinstance(classifier, PooledClassifier)
    weights, _ = classifier.class_weights()
    horses = kept_out.x[kept_out.targets[:, 0]]
    of_horse = (weights[:, 0] - weights[:, 1]).detach()
    maps = torch.einsum("nchw,c->nhw", horses, of_horse).numpy()
    heat = [
        np.asarray(cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)) for one in maps
    ]
    learned = trained.curve[-1]["train_accuracy"]
    return {"training": learned, "accuracy": trained.quality.accuracy, **scored(heat, boxes)}


def scored(heat: Sequence[NDArray[np.float32]], boxes: Boxes) -> dict[str, float]:
    """Return MaxBoxAccV2 and the accuracies at IoU 0.3, 0.5 and 0.7, whose mean it is."""
    found = max_box_acc(heat, boxes)
    at = dict(zip(("at 0.3", "at 0.5", "at 0.7"), found.at, strict=True))
    return {"MaxBoxAccV2": found.max_box_acc_v2, **at}


def table(rows: Mapping[str, Row]) -> str:
    """Return a line per head: mean and standard deviation over the seeds, in percent."""
    columns = ("training", "accuracy", "MaxBoxAccV2", "at 0.3", "at 0.5", "at 0.7")
    lines = [f"| head | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = " | ".join(_spread([one[key] for one in row if key in one]) for key in columns)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def write(rows: Mapping[str, Row], counts: Sequence[int], given: argparse.Namespace) -> None:
    """Write the table and the numbers of the trainings done so far."""
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "pooling.json").write_text(json.dumps(rows) + "\n", "utf-8")
    text = (
        "Printed by `benchmarks/pooling.py`: heads of `locpipe train heads` on the features of "
        f"EfficientNet-lite0 with its ImageNet weights, pictures warped to {given.size} x "
        f"{given.size}, {counts[0]} pictures to learn from by their class, "
        f"{counts[1]} others to measure on; boxes of the horses among those, warped to "
        f"{SIDE} x {SIDE}. Percent, mean and standard deviation over {given.seeds} seeds."
    )
    (given.output / "pooling.md").write_text(f"{text}\n\n{table(rows)}\n", "utf-8")


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{100 * values[0]:.1f}" if values else ""
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f}"


if __name__ == "__main__":
    main()
