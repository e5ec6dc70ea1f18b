"""How much better masks get when the picture's colours refine them, on horses with true masks and boxes.

    python benchmarks/refine.py --data data-sets

Everything is as configs/objects.yaml says, except for the label, the threshold, `refine.method` and a long
side of 448 pixels; the network runs once per picture for all. Writes benchmarks/results/refine.md.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
from tqdm import tqdm

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.wsol.annotations import read_csv
from locpipe.pipeline.evaluation.wsol.boxes import IOUS, box_iou
from locpipe.pipeline.evaluation.wsol.masks import read_mask
from locpipe.pipeline.evaluation.wsol.pixels import mask_iou
from locpipe.pipeline.output.pictures import mask_pixels
from locpipe.stages.load import Image, load
from locpipe.stages.localize import features_of, localize_image
from locpipe.stages.models.loading import Model, find_model, load_model

METHODS = ("none", "bilinear", "grabcut", "crf")
THRESHOLDS = (0.25, 0.35, 0.5)
SORREL = "n02389026"
RESULTS = Path(__file__).parent / "results"
Setting = tuple[str, float]
Row = tuple[float, float, float]
"""IoU of the mask, IoU of the best box, CPU seconds of all stages after the network."""


def config_of(method: str, threshold: float) -> Config:
    """Return configs/objects.yaml with one class, a method and a threshold."""
    given = [
        f"heatmap.labels=[{SORREL}]",
        "heatmap.min_probability=0",
        "infer.long_side=448",
        f"refine.method={method}",
        f"threshold.value={threshold}",
    ]
    return read_settings(
        find_config("objects"), Config, [parse_assignment(one) for one in given]
    ).config


def rows_of(
    image: Image, model: Model, mask_file: Path, box: np.ndarray
) -> Iterator[tuple[Setting, Row]]:
    """Yield each setting with its row for a picture."""
    features = features_of(image, model, config_of("none", 0.5))
    truth = read_mask(mask_file, (image.width, image.height))
    for threshold in THRESHOLDS:
        for method in METHODS:
            started = time.process_time()
            result = localize_image(image, model, config_of(method, threshold), features=features)
            seconds = time.process_time() - started
            rects = np.array([one.rect for one in result.boxes.items], float).reshape(-1, 4)
            fit = float(box_iou(rects, box).max(initial=0))
            yield (method, threshold), (mask_iou(mask_pixels(result) > 0, truth), fit, seconds)


def table(rows: dict[Setting, list[Row]]) -> str:
    """Return the means as Markdown."""
    head = [
        "refine.method",
        "threshold",
        "pixel IoU",
        *(f"box IoU ≥ {iou}" for iou in IOUS),
        "CPU s",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    for (method, threshold), of_pictures in sorted(
        rows.items(), key=lambda one: METHODS.index(one[0][0])
    ):
        masks, fits, seconds = np.array(of_pictures).T
        cells = [
            f"{100 * masks.mean():.1f}",
            *(f"{100 * (fits >= iou).mean():.1f}" for iou in IOUS),
        ]
        lines.append(f"| {method} | {threshold} | {' | '.join(cells)} | {seconds.mean():.2f} |")
    return "\n".join(lines)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--step", default=8, show_default=True, help="Take every STEP-th picture.")
def main(data: Path, step: int) -> None:
    """Measure, print and keep the table."""
    torch.set_num_threads(1)
    folder = data / "objects" / "horse"
    boxes = read_csv(folder / "boxes_from_masks.csv")
    model = load_model(find_model(config_of("none", 0.5).source))
    rows: dict[Setting, list[Row]] = defaultdict(list)
    pictures = sorted((folder / "rgb").iterdir())[::step]
    for file in tqdm(pictures):
        box = np.array([thing.box for thing in boxes[file.stem]], float)
        for setting, row in rows_of(load(file), model, folder / "figure_ground" / file.name, box):
            rows[setting].append(row)
    text = f"{len(pictures)} pictures of horses, every {step}th.\n\n{table(rows)}\n"
    (RESULTS / "refine.md").write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
