"""Which rule splits words that stand close together, and keeps widely spaced words whole.

    python benchmarks/separation.py --backgrounds data-sets/backgrounds --model text

The pictures are rendered. The rules, each with its thresholds:

- plain: hysteresis on the heat of cores, as in the configs;
- damped: the heat times 1 - share * probability of a gap, then hysteresis (CRAFT, PixelLink alike);
- grown: cores at a higher threshold grow into the area above the lower one (PSENet, Wang et al. 2019),
  along a watershed.

Like all maps, the map of gaps is a weighted sum of filters, here by the `class` weights of the class "gap".
A logistic regression on the same pictures turns it into a probability. `shift` is added to its log-odds.
A detection is `joined` if it covers more than half of each of two words. A word is `broken` if it holds
more than half of each of two detections. Appends a table to benchmarks/results/separation.md.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import skimage
import torch
from numpy.typing import NDArray
from scipy.special import expit
from tqdm import tqdm

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.counts import rates
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, overlaps
from locpipe.pipeline.evaluation.score import PROTOCOLS
from locpipe.pipeline.training.calibration import Pass, fit
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions
from locpipe.pipeline.training.text.calibrate import ShownPicture, shown_by
from locpipe.pipeline.training.text.card import rendered_settings
from locpipe.pipeline.training.text.labels import GAP, IGNORED, TEXT
from locpipe.pipeline.training.text.validate import regions
from locpipe.stages.boxes import find_boxes
from locpipe.stages.heatmap import Heatmap, filter_weights
from locpipe.stages.models.loading import find_model, load_model, read_card
from locpipe.stages.threshold import Mask, threshold

RESULTS = Path(__file__).parent / "results" / "separation.md"
KINDS = Proportions(negative=0.04, near=0.4, far=0.42, document=0.08, large=0.06)
EACH = 2000
SEED_CELLS = 3
SHOWN = ("icdar2015", "deteval")

Heat = NDArray[np.float32]


@dataclass(frozen=True)
class Rule:
    """Damping by gaps (0: none) and its shift, thresholds, padding, and that of seeds (None: none)."""

    damping: float
    shift: float
    low: float
    high: float
    padding: float
    seeds: float | None = None


RULES = (
    Rule(0, 0, 0.5, 0.8, 0.35),
    Rule(0, 0, 0.45, 0.75, 0.35),
    Rule(0, 0, 0.4, 0.72, 0.28),
    Rule(0.6, -3, 0.42, 0.72, 0.35),
    Rule(0.6, -3, 0.4, 0.72, 0.28),
    Rule(1, -3, 0.4, 0.72, 0.35),
    Rule(0.6, -3, 0.35, 0.7, 0.25),
    Rule(0.6, -1.5, 0.4, 0.72, 0.35),
    Rule(0, 0, 0.4, 0.8, 0.35, 0.5),
    Rule(0.6, -3, 0.4, 0.75, 0.28, 0.45),
)


def found(one: ShownPicture, text: Heat, gap: Heat, rule: Rule) -> list[NDArray[np.float64]]:
    """Return the polygons that a rule finds in log-odds of text and of gaps, both [h, w]."""
    heat = expit(text)
    damped = heat * (1 - rule.damping * expit(gap + rule.shift))
    cut_from = heat if rule.seeds is not None else damped
    as_map = Heatmap(cut_from[None].astype(np.float32), ("text",), one.grid)
    mask = threshold(as_map, method="hysteresis", low=rule.low, high=rule.high)
    if rule.seeds is not None:
        cells = grown(heat, mask.values[0], damped > rule.seeds)
        mask = Mask(cells[None], mask.labels, mask.grid, mask.levels)
    how = {"shape": "rotated", "padding": rule.padding, "min_area": 32, "min_side": 4}
    return [np.array(box.polygon) for box in find_boxes(mask, as_map, **how).items]  # type: ignore[arg-type]


def grown(heat: Heat, cells: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells without the border cells between seeds that lie in one component."""
    count, marks, stats, _ = cv2.connectedComponentsWithStats((seeds & cells).view(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < SEED_CELLS
    marks[small[marks]] = 0
    if count < 2:
        return cells
    square = np.ones((3, 3))
    basins = skimage.segmentation.watershed(-heat, marks, square, mask=cells, watershed_line=True)
    _, numbers = cv2.connectedComponents(cells.view(np.uint8))
    seeded = np.isin(numbers, np.unique(numbers[marks > 0]))
    return np.where(seeded, basins > 0, cells)


def measured(shown: list[ShownPicture], maps: list[tuple[Heat, Heat]], rule: Rule) -> list[float]:
    """Return IoU H and DetEval H in percent, and the numbers of joined detections and broken words."""
    counts: dict[str, list[tuple[float, ...]]] = {name: [] for name in SHOWN}
    joined = broken = 0
    for number, (one, (text, gap)) in enumerate(zip(shown, maps, strict=True)):
        polygons = found(one, text, gap, rule)
        picture = ComparedPicture(str(number), one.grid.picture, regions(one.picture), polygons)
        for name in SHOWN:
            counts[name].append(astuple(PROTOCOLS[name](picture)))
        if polygons and not all(region.ignored for region in picture.truth):
            shared = overlaps(picture)
            joined += int(((shared.recall[~shared.ignored] > 0.5).sum(axis=0) > 1).sum())
            broken += int(((shared.precision[~shared.ignored] > 0.5).sum(axis=1) > 1).sum())
    h = [100 * float(rates(np.array(counts[name], float).sum(axis=0))[2]) for name in SHOWN]
    return [*h, joined, broken]


def gap_odds(shown: list[ShownPicture]) -> list[Heat]:
    """Return the log-odds of gaps from a logistic regression over positions."""
    values, gaps = [], []
    for one in shown:
        cells = np.flatnonzero(one.classes != IGNORED)
        cells = cells[:: max(1, len(cells) // EACH)]
        values.append(one.heat[1].ravel()[cells])
        gaps.append(one.classes.ravel()[cells] == GAP)
    heat, is_gap = np.concatenate(values), np.concatenate(gaps)
    slope, intercept = fit(heat[is_gap], heat[~is_gap], prior=float(is_gap.mean()))
    return [slope * one.heat[1] + intercept for one in shown]


@click.command()
@click.option("--backgrounds", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--model", "name", default="text", show_default=True)
@click.option("--pictures", default=60, show_default=True)
@click.option("--seed", default=31_000_000, show_default=True, help="Of the renderer.")
def main(backgrounds: Path, name: str, pictures: int, seed: int) -> None:
    """Score every rule on rendered pictures with a text model."""
    torch.set_num_threads(1)
    config, model = read_settings(find_config(name), Config).config, load_model(find_model(name))
    trained = find_model("text")
    settings = rendered_settings(trained, read_card(trained), backgrounds, seed)
    size = {"width": 1024, "height": 768, "kinds": KINDS}
    renderer = Renderer(settings.model_copy(update=size))
    weights = np.stack([filter_weights(model, label)[0][1] for label in ("text", "gap")])
    one = Pass("native", "normal", 1.0)
    shown = [
        shown_by(model, one, weights, renderer.render(index), config)
        for index in tqdm(range(pictures), disable=None)
    ]
    known = model.card.calibrated("class", "native", "normal", model.card.classes[TEXT], 1.0)
    texts = [known.slope * each.heat[0] + known.intercept for each in shown]
    maps = list(zip(texts, gap_odds(shown), strict=True))
    lines = [
        f"`{name}`, {pictures} pictures of 1024 x 768, seed {seed}, by `benchmarks/separation.py`",
        "",
        "| damping, shift | low, high | padding | seeds above | IoU H | DetEval H | mean | joined | broken |",
        "|---" * 9 + "|",
    ]
    for rule in tqdm(RULES, disable=None):
        iou, deteval, joined, broken = measured(shown, maps, rule)
        cells = (
            f"{rule.damping:g}, {rule.shift:g}" if rule.damping else "none",
            *(f"{rule.low:g}, {rule.high:g}", f"{rule.padding:g}", f"{rule.seeds or 'none'}"),
            *(f"{iou:.1f}", f"{deteval:.1f}", f"{(iou + deteval) / 2:.1f}"),
            *(f"{joined:.0f}", f"{broken:.0f}"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n\n"
    click.echo(text)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
