"""Which kind of AdGAP weights finds text best with the real text models.

    python benchmarks/weights_text.py --data ../shared/data

Words are scored on ICDAR 2013 and 2015, lines on MSRA-TD500. Everything is as configs/text.yaml says,
except for `heatmap.weights`. Each kind of weights has its own calibration from the model's card. The
network runs once per picture for all kinds. The counts of a picture are kept below --work, so a stopped
run goes on where it was. Writes benchmarks/results/text_weights.md and .json; with --config, the name
of that config stands in place of `text`.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from picture_sets import Set, sets_of
from tqdm import tqdm

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.counts import rates
from locpipe.pipeline.evaluation.lines import join_lines
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Region
from locpipe.pipeline.evaluation.score import PROTOCOLS
from locpipe.pipeline.evaluation.truth import read_truth
from locpipe.stages.decoding.orientation import points_upright
from locpipe.stages.geometry.box import Boxes
from locpipe.stages.load import Image, load
from locpipe.stages.localize import features_of, localize_image
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.settings import Weights

KINDS: tuple[Weights, ...] = ("paper", "class", "contrast", "energy", "excitation", "linear")
SHOWN = ("icdar2015", "deteval")
RESULTS = Path(__file__).parent / "results"
RESAMPLES = 2000


class H(NamedTuple):
    """H, its lead over the H of `linear`, and the 95 % bootstrap interval of the lead."""

    value: float
    ahead: float
    low: float
    high: float


Found = Mapping[str, Mapping[str, H]]
"""By kind of weights and protocol."""
Sums = Mapping[str, Mapping[str, Sequence[float]]]
"""Sums by kind of weights and protocol: recalled, truth, precise, detected."""


def with_weights(config: Config, kind: Weights) -> Config:
    """Return the config with other weights."""
    return config.model_copy(
        update={"heatmap": config.heatmap.model_copy(update={"weights": kind})}
    )


def truth_of(one: Set, image: Image) -> tuple[Region, ...]:
    """Return the true regions, in the frame of the upright picture."""
    regions = read_truth(one.folder / "gt" / f"{image.path.stem}.txt")
    if one.frame == "upright":
        return regions
    stored = (image.stored_width, image.stored_height)
    return tuple(
        Region(points_upright(region.polygon, image.exif_orientation, stored), region.ignored)
        for region in regions
    )


def calibrated(model: Model) -> tuple[Weights, ...]:
    """Return the kinds of weights that the model's card has calibrations for; some may be missing."""
    known = {entry.weights for entry in model.card.calibrations}
    return tuple(kind for kind in KINDS if kind in known)


def counts_of(picture: Path, one: Set, model: Model, config: Config) -> Sums:
    """Return the counts of a picture with each kind of weights."""
    image = load(picture)
    truth = truth_of(one, image)
    features = features_of(image, model, config)
    counts: dict[str, dict[str, Sequence[float]]] = {}
    for kind in calibrated(model):
        boxes = localize_image(image, model, with_weights(config, kind), features=features).boxes
        seen = ComparedPicture(
            picture.name, (image.width, image.height), truth, _polygons(boxes, one)
        )
        counts[kind] = {name: astuple(PROTOCOLS[name](seen)) for name in SHOWN}
    return counts


def _polygons(
    boxes: Boxes, one: Set
) -> Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    if one.lines:
        return join_lines(boxes.items)
    return [np.array(box.polygon, np.float64) for box in boxes.items]


def all_counts(one: Set, model: Model, config: Config, kept: Path) -> list[Sums]:
    """Return the counts of all pictures of a set; pictures missing in the file `kept` are counted now."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch()
    # A killed run may have left a last line without a line end.
    whole = [line for line in kept.read_text().splitlines(keepends=True) if line.endswith("\n")]
    known: dict[str, Sums] = dict(map(json.loads, whole))
    kept.write_text("".join(whole))
    with kept.open("a") as file:
        for picture in tqdm(one.pictures, one.name, disable=None):
            if picture.name not in known:
                known[picture.name] = counts_of(picture, one, model, config)
                print(json.dumps([picture.name, known[picture.name]]), file=file, flush=True)
    return [known[picture.name] for picture in one.pictures]


def totals(counts: Sequence[Sums]) -> Found:
    """Return H over all pictures and its lead over `linear`, by kind and protocol."""
    kinds = tuple(counts[0])
    found: dict[str, dict[str, H]] = {kind: {} for kind in kinds}
    for name in SHOWN:
        tables = {kind: np.array([sums[kind][name] for sums in counts], float) for kind in kinds}
        drawn = _drawn(len(counts))
        resampled = {kind: rates(drawn @ tables[kind])[:, 2] for kind in kinds}
        h = {kind: float(rates(tables[kind].sum(axis=0))[2]) for kind in kinds}
        for kind in kinds:
            low, high = np.percentile(resampled[kind] - resampled["linear"], [2.5, 97.5]).tolist()
            found[kind][name] = H(h[kind], h[kind] - h["linear"], low, high)
    return found


def _drawn(pictures: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return how often each picture is drawn in each bootstrap sample, the same for all kinds."""
    even = np.full(pictures, 1 / pictures)
    return np.random.default_rng(0).multinomial(pictures, even, size=RESAMPLES)


def table(found: Mapping[str, Found]) -> str:
    """Return H in percent, one row per kind; the lead over `linear` stands in brackets."""
    head = [f"{name} {what}" for name in found for what in ("IoU H", "DetEval H")]
    lines = [f"| weights | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for kind in next(iter(found.values())):
        cells = [_cell(h[kind][name], kind) for h in found.values() for name in SHOWN]
        lines.append(f"| `{kind}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(h: H, kind: str) -> str:
    if kind == "linear":
        return f"{100 * h.value:.1f}"
    return f"{100 * h.value:.1f} ({100 * h.ahead:+.1f}: {100 * h.low:+.1f} to {100 * h.high:+.1f})"


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--config", "name", default="text", show_default=True)
@click.option("--pictures", default=0, help="Of each set, evenly spaced; 0: all.")
@click.option("--work", default=Path("out/weights_text"), type=click.Path(path_type=Path))
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
def main(data: Path, name: str, pictures: int, work: Path, results: Path) -> None:
    """Measure all kinds of weights on the sets of text below --data."""
    torch.set_num_threads(1)
    config = read_settings(find_config(name), Config).config
    assert isinstance(config.model, str), "a model folder, which has tables"
    model = load_model(find_model(config.model))
    if "linear" not in calibrated(model):
        sys.exit(
            f"{config.model} has no calibration of linear weights; run locpipe calibrate --all"
        )
    sets = [one.thinned(pictures) for one in sets_of(data) if one.has_truth]
    made_by = f"{model.sha256[:12]}-{config.sha256()[:12]}"
    found = {
        one.name: totals(all_counts(one, model, config, work / made_by / f"{one.name}.jsonl"))
        for one in sets
    }
    counts = ", ".join(f"{len(one.pictures)} of {one.name}" for one in sets)
    text = (
        f"Printed by `benchmarks/weights_text.py`: `{Path(name).stem}` with each kind of weights, "
        f"{counts}, model `{model.sha256[:12]}`. H in percent; in brackets points ahead of "
        "`linear`, the weights of the network's own classifier, and the 95 % interval of that "
        "(paired bootstrap over pictures).\n\n" + table(found)
    )
    click.echo(text)
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{Path(name).stem}_weights.md").write_text(text, "utf-8")
    plain = {
        name: {
            kind: {what: h._asdict() for what, h in one.items()} for kind, one in by_kind.items()
        }
        for name, by_kind in found.items()
    }
    document = {"model_sha256": model.sha256, "config_sha256": config.sha256(), "h": plain}
    (results / f"{Path(name).stem}_weights.json").write_text(
        json.dumps(document, indent=1) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
