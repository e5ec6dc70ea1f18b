"""Digits on canvases: how well each kind of AdGAP weights finds and classifies them.

    python benchmarks/digits.py --data MNIST_FOLDER --backgrounds PHOTOGRAPHS

MNIST test digits at random places, 0.8 to 4 times their size, on black and on photographs without
text that no calibration has seen, 640 x 480 to 4000 x 3000. Box recall and precision at IoU 0.5 and
the share of hotspots classified right, for each kind of weights at the threshold that was best on
other canvases (training digits, other photographs). On black the digits are white and the network
sees the canvas as it is; on photographs they are lighter or darker, and it sees both polarities.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from tqdm import tqdm

from locpipe.pipeline.training.calibration import KINDS
from locpipe.pipeline.training.digits.canvases import Canvas, background_files, draw, mosaic
from locpipe.pipeline.training.digits.mnist import Digits, read_mnist
from locpipe.stages.boxes import find_boxes
from locpipe.stages.classify import classify
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.heatmap import Heatmap, heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.nets.torchvision_shim import torchvision
from locpipe.stages.settings import Polarity, Weights
from locpipe.stages.threshold import threshold

SCALES = (1.0, 0.5, 0.25)
THRESHOLDS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999)
POLARITIES: dict[str, tuple[Polarity, ...]] = {
    "black": ("normal",),
    "photographs": ("normal", "inverted"),
}
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Ground:
    """The ground of canvases; without photographs it is black."""

    kind: str
    digits: Digits
    photographs: tuple[Path, ...]

    def canvases(self, count: int, seed: int) -> Iterator[Canvas]:
        """Yield canvases between 640 x 480 and 4000 x 3000, their sides log-uniform."""
        random = default_rng(seed)
        for _ in range(count):
            factor = np.exp(random.uniform(0, np.log(4000 / 640)))
            width, height = round(640 * factor), round(480 * factor)
            yield self._drawn(random, width, height)

    def _drawn(self, random: Generator, width: int, height: int) -> Canvas:
        count = int(random.integers(5, 25))
        if self.kind == "black":
            black = np.zeros((height, width, 3), np.uint8)
            return draw(random, black, self.digits, count=count, contrast=1.0)
        photographs = mosaic(random, self.photographs, width, height)
        return draw(random, photographs, self.digits, count=count)


@dataclass
class Counts:
    """Numbers of digits, boxes, digits found by a box, and found digits classified right."""

    there: int = 0
    found: int = 0
    hits: int = 0
    right: int = 0

    def rates(self) -> dict[str, float]:
        """Return recall, precision, their harmonic mean, and the share of hits classified right."""
        recall, precision = self.hits / max(1, self.there), self.hits / max(1, self.found)
        return {
            "recall": recall,
            "precision": precision,
            "f": 2 * self.hits / max(1, self.there + self.found),
            "classified_right": self.right / max(1, self.hits),
        }


def maps_of(model: Model, canvas: Canvas, polarities: Sequence[Polarity]) -> dict[Weights, Heatmap]:
    """Return the map of any digit by each kind of weights."""
    features = [
        infer(model, canvas.rgb, scale=scale, polarity=polarity)
        for scale in SCALES
        for polarity in polarities
    ]
    return {kind: heatmap(model, features, labels=("text",), weights=kind) for kind in KINDS}


def boxes_at(heat: Heatmap, value: float) -> Boxes:
    """Return the boxes of a map at a threshold, as `configs/text-lenet.yaml` makes them."""
    mask = threshold(heat, value=value)
    return find_boxes(mask, heat, min_area=100, min_side=6, maximum=100_000)


def count(
    counts: Counts, canvas: Canvas, boxes: Boxes, model: Model, polarities: Sequence[Polarity]
) -> None:
    """Add a canvas: each digit may be found by one box, and each box find one digit."""
    pairs = _matches(canvas.boxes, [box.rect for box in boxes.items])
    counts.there += len(canvas.boxes)
    counts.found += len(boxes.items)
    counts.hits += len(pairs)
    hit = tuple(boxes.items[box] for _, box in pairs)
    # `classify` keeps the order of the boxes.
    named = classify(model, canvas.rgb, Boxes(hit), polarities=polarities).items
    counts.right += sum(
        box.class_ == str(canvas.labels[digit])
        for (digit, _), box in zip(pairs, named, strict=True)
    )


def best_thresholds(
    model: Model, canvases: Iterator[Canvas], polarities: Sequence[Polarity]
) -> dict[Weights, float]:
    """Return for each kind of weights the threshold with the best harmonic mean."""
    counts = {(kind, value): Counts() for kind in KINDS for value in THRESHOLDS}
    for canvas in canvases:
        for kind, heat in maps_of(model, canvas, polarities).items():
            for value in THRESHOLDS:
                boxes = boxes_at(heat, value).items
                one = counts[kind, value]
                one.there += len(canvas.boxes)
                one.found += len(boxes)
                one.hits += len(_matches(canvas.boxes, [box.rect for box in boxes]))
    return {
        kind: max(THRESHOLDS, key=lambda value: counts[kind, value].rates()["f"]) for kind in KINDS
    }


def measure(
    model: Model,
    canvases: Iterator[Canvas],
    polarities: Sequence[Polarity],
    thresholds: Mapping[Weights, float],
) -> dict[str, Counts]:
    """Return the counts of each kind of weights, and of boxes known beforehand ("truth")."""
    counts = {kind: Counts() for kind in (*KINDS, "truth")}
    for canvas in canvases:
        for kind, heat in maps_of(model, canvas, polarities).items():
            boxes = boxes_at(heat, thresholds[kind])
            count(counts[kind], canvas, boxes, model, polarities)
        count(counts["truth"], canvas, _true_boxes(canvas), model, polarities)
    return counts


def main() -> None:
    """Measure both grounds, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="the four idx files of MNIST")
    parser.add_argument("--backgrounds", type=Path, required=True, help="photographs without text")
    parser.add_argument("--canvases", type=int, default=200, help="for measuring; half on black")
    parser.add_argument("--choosing", type=int, default=50, help="for thresholds; half on black")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of digits.md, .json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    model = load_model(find_model("digits"))
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for kind, polarities in POLARITIES.items():
        choosing, measuring = (
            Ground(
                kind,
                read_mnist(arguments.data, train=not held_out),
                background_files(arguments.backgrounds, held_out=held_out),
            )
            for held_out in (False, True)
        )
        chosen, measured = arguments.choosing // 2, arguments.canvases // 2
        thresholds = best_thresholds(
            model,
            _shown(choosing.canvases(chosen, seed=1), f"{kind}, choosing", chosen),
            polarities,
        )
        counts = measure(
            model,
            _shown(measuring.canvases(measured, seed=2), f"{kind}, measuring", measured),
            polarities,
            thresholds,
        )
        chosen_at = {str(name): value for name, value in thresholds.items()}
        rows[kind] = {
            name: {"threshold": chosen_at.get(name, 0.0), **vars(one), **one.rates()}
            for name, one in counts.items()
        }
    _write(arguments.output, rows, arguments.canvases, time.perf_counter() - start)


def _write(
    folder: Path, rows: dict[str, dict[str, dict[str, float]]], canvases: int, seconds: float
) -> None:
    lines = [
        f"Printed by `benchmarks/digits.py`: {canvases} canvases in {seconds:.0f} s on one core.",
        "",
        "| ground | weights | threshold | recall | precision | F | hotspots classified right |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {kind} | {name} | {row['threshold']:.2f} | {row['recall']:.3f} | {row['precision']:.3f}"
        f" | {row['f']:.3f} | {row['classified_right']:.3f} |"
        for kind, by_name in rows.items()
        for name, row in by_name.items()
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "digits.md").write_text(text, "utf-8")
    (folder / "digits.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def _shown(canvases: Iterator[Canvas], label: str, total: int) -> Iterator[Canvas]:
    yield from tqdm(canvases, label, total, disable=None)


def _true_boxes(canvas: Canvas) -> Boxes:
    rects = [(x0, y0, x1, y1) for x0, y0, x1, y1 in canvas.boxes.tolist()]
    return Boxes(tuple(Box("text", 1.0, (), rect) for rect in rects))


def _matches(
    truth: NDArray[np.int64], found: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, int]]:
    """Return pairs (index of truth, index of found) with IoU of at least 0.5, one to one."""
    if not len(truth) or not found:
        return []
    iou = (
        torchvision()
        .ops.box_iou(torch.from_numpy(truth).double(), torch.tensor(found).double())
        .numpy()
    )
    pairs: dict[int, int] = {}
    # The best overlaps first: then greedy is one to one.
    for digit, box in sorted(zip(*np.nonzero(iou >= 0.5), strict=True), key=lambda p: -iou[p]):
        if digit not in pairs and box not in pairs.values():
            pairs[int(digit)] = int(box)
    return list(pairs.items())


if __name__ == "__main__":
    main()
