"""How much margin around words is best for OCR, measured on rendered pictures only.

    python benchmarks/margin_text.py --backgrounds ../shared/data/backgrounds --work margin

Everything is as configs/text.yaml says, except for `boxes.margin`. The network runs once per picture for all
margins. Every box is cut out exactly along its border and read with default settings: by
`tesseract --psm 7`, and by RapidOCR's recognizer without its detector. Words read right are counted
as in ocr_uplift.py. Pictures and readings are kept in the work folder, so a stopped run goes on
where it was. After a change of the renderer, take an empty work folder.

The rule that chooses the margin gives reading and finding the same weight. Reading: for each engine,
the words read right with this margin, divided by the words read right with the engine's best margin;
then the mean of both engines. Finding: the mean of IoU H and DetEval H, as for thresholds. The worth
of a margin is the mean of reading and finding. All margins within 0.005 of the best worth count as
equal. The chosen margin is their mean, rounded to half a pixel (a quarter is rounded up).
Writes benchmarks/results/margin_text.md and .json.
"""

import io
import json
import math
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from ocr_uplift import RESULTS, Reader, Word, kept, read_truth, score
from PIL import Image
from tqdm import tqdm

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.counts import rates
from locpipe.pipeline.evaluation.overlaps import ComparedPicture
from locpipe.pipeline.evaluation.score import score as evaluated
from locpipe.pipeline.evaluation.truth import read_truth as regions_of
from locpipe.pipeline.export.crops import cut
from locpipe.pipeline.ocr.rapidocr import open_engine
from locpipe.pipeline.output.layout import result_path
from locpipe.pipeline.training.scene_text.export import export
from locpipe.pipeline.training.text.calibrate import PHOTOGRAPHS
from locpipe.pipeline.training.text.card import rendered_settings
from locpipe.stages.geometry.box import Boxes
from locpipe.stages.load import load
from locpipe.stages.localize import features_of, localize_image
from locpipe.stages.models.loading import Model, find_model, load_model, read_card

MARGINS = tuple(step / 2 for step in range(11))
SEED = 12_000_000
AS_GOOD = 0.005
PROTOCOLS = ("icdar2015", "deteval")
FIGURES = ("mean_share", *PROTOCOLS, "worth")
RESAMPLES = 2000

Pixels = NDArray[np.uint8]
Shares = NDArray[np.float64]
"""0..1, [margins]."""
Right = NDArray[np.int64]
"""Words read right, [engines, margins] or [engines, margins, pictures]."""
Counted = NDArray[np.float64]
"""Counts of the protocols, [protocols, margins, 4] or [protocols, margins, pictures, 4]."""
Found = Mapping[Path, Boxes]
"""What was found on each picture."""


def taken(worth: Shares, margins: Sequence[float] = MARGINS) -> float:
    """Return the margin that the rule chooses, given the worth of each margin."""
    good = np.array(margins)[worth >= worth.max() - AS_GOOD]
    return math.floor(2 * float(good.mean()) + 0.5) / 2


def worth(right: Right, counted: Counted) -> Shares:
    """Return the worth of each margin: half for reading words, half for finding them."""
    return np.asarray((mean_share(right) + rates(counted)[..., 2].mean(axis=0)) / 2)


def mean_share(right: Right) -> Shares:
    """Return words read right divided by those of the best margin, the mean over engines."""
    best = np.maximum(right.max(axis=1, keepdims=True), 1)
    return np.asarray((right / best).mean(axis=0))


def rendered(folder: Path, work: Path, backgrounds: Path, count: int) -> list[Path]:
    """Return `count` pictures with text, rendered like the pictures that calibrate a model.

    Args:
        folder: of the model.
        work: gets pictures/ and gt/; pictures that are already there are not rendered again.
        backgrounds: folder of photographs without text.
        count: of the pictures.
    """
    settings = rendered_settings(folder, read_card(folder), backgrounds, SEED)
    settings = settings.model_copy(update=PHOTOGRAPHS)
    kinds = settings.kinds.model_copy(update={"negative": 0.0})
    names = [f"{index:06d}.png" for index in range(count)]
    # The boxes of a picture are written last, so a picture with boxes is complete.
    missing = [i for i, name in enumerate(names) if not result_path(work, "boxes", name, 1).exists()]  # fmt: skip
    if missing:
        export(settings.model_copy(update={"kinds": kinds}), work, missing)
    return [work / "pictures" / name for name in names]


def truth_file(picture: Path) -> Path:
    """Return the file with the words of a rendered picture."""
    return picture.parents[1] / "gt" / f"{picture.stem}.txt"


def with_margin(config: Config, margin: float) -> Config:
    """Return the config with another margin."""
    return config.model_copy(update={"boxes": config.boxes.model_copy(update={"margin": margin})})


def found_with(
    margins: Sequence[float], pictures: Sequence[Path], model: Model, config: Config
) -> Sequence[Found]:
    """Return the boxes of a picture, once for each margin."""
    found: list[dict[Path, Boxes]] = [{} for _ in margins]
    for picture in tqdm(pictures, "finding", disable=None):
        image = load(picture)
        features = features_of(image, model, config)
        for margin, boxes in zip(margins, found, strict=True):
            changed = with_margin(config, margin)
            boxes[picture] = localize_image(image, model, changed, features=features).boxes
    return found


def crops(found: Found) -> Iterator[Pixels]:
    """Yield every box, cut out along its border and turned upright."""
    for picture, boxes in found.items():
        rgb = load(picture).rgb
        for box in boxes.items:
            yield cut(rgb, box.polygon).pixels


def tesseract(strips: Sequence[Pixels]) -> list[str]:
    """Read crops in one process, which gets them as the pages of a TIFF."""
    pages = [Image.fromarray(strip) for strip in strips]
    tiff = io.BytesIO()
    pages[0].save(tiff, "TIFF", save_all=True, append_images=pages[1:])
    command = ["tesseract", "-", "-", "--psm", "7", "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(
        command, input=tiff.getvalue(), capture_output=True, check=True, env=environment
    )
    texts: list[list[str]] = [[] for _ in strips]
    for row in (line.split("\t") for line in done.stdout.decode().splitlines()[1:]):
        if row[0] == "5":
            texts[int(row[1]) - 1].append(row[11])
    return [" ".join(words) for words in texts]


def rapidocr(strips: Sequence[Pixels]) -> list[str]:
    """Read crops with the recognizer only, without the detector."""
    seen = open_engine(None).read(strips, math.inf)
    return [" ".join(word.text for word in words) for words in seen]


ENGINES: Mapping[str, Callable[[Sequence[Pixels]], list[str]]] = {
    "tesseract": tesseract,
    "rapidocr": rapidocr,
}


def read_all(engine: str, found: Found) -> Reader:
    """Read all boxes of all pictures; return a function that looks up the texts of one picture."""
    strips = list(crops(found))
    texts = iter(ENGINES[engine](strips) if strips else [])
    words = {
        picture: [Word(word, box.rect) for box in boxes.items for word in next(texts).split()]
        for picture, boxes in found.items()
    }
    return words.__getitem__


def words_right(found: Sequence[Found], margins: Sequence[float], work: Path) -> Right:
    """Return how many words each engine reads right, [engines, margins, pictures]."""
    pictures = list(found[0])
    truths = [read_truth(truth_file(picture)) for picture in pictures]
    right = np.zeros((len(ENGINES), len(margins), len(pictures)), np.int64)
    cells = [(e, m) for e in range(len(ENGINES)) for m in range(len(margins))]
    for e, m in tqdm(cells, "reading", disable=None):
        engine = list(ENGINES)[e]
        file = work / f"{engine}-{margins[m]}.jsonl"
        words = kept(file, pictures, partial(read_all, engine, found[m]))
        for p, (picture, truth) in enumerate(zip(pictures, truths, strict=True)):
            right[e, m, p] = score(truth, words[picture.stem]).right
    return right


def counts_of(found: Found) -> Counted:
    """Return the counts of each protocol on each picture, [protocols, pictures, 4]."""
    seen = []
    for number, (picture, boxes) in enumerate(found.items()):
        polygons = [np.array(box.polygon) for box in boxes.items]
        with Image.open(picture) as opened:
            truth = regions_of(truth_file(picture))
            seen.append(ComparedPicture(f"{number:06d}", opened.size, truth, polygons))
    pictures = evaluated(seen, PROTOCOLS).pictures
    rows = [[astuple(picture.counts[name]) for picture in pictures] for name in PROTOCOLS]
    return np.array(rows, np.float64)


def interval(right: Right, counted: Counted) -> tuple[float, float]:
    """Return the range that holds the chosen margin in 95 % of bootstrap samples of the pictures."""
    count = right.shape[2]
    even = np.full(count, 1 / count)
    drawn = np.random.default_rng(0).multinomial(count, even, size=RESAMPLES)
    margins = [taken(worth(right @ one, np.moveaxis(counted, 2, 3) @ one)) for one in drawn]
    low, high = np.percentile(margins, [2.5, 97.5]).tolist()
    return low, high


def rows_of(right: Right, counted: Counted) -> list[dict[str, float]]:
    """Return the numbers of each margin, computed from sums over pictures."""
    h = rates(counted)[..., 2]
    columns = zip(right.T, h.T, mean_share(right), worth(right, counted), strict=True)
    return [
        {
            "margin": margin,
            **dict(zip(ENGINES, words.tolist(), strict=True)),
            "mean_share": float(share),
            **dict(zip(PROTOCOLS, found.tolist(), strict=True)),
            "worth": float(total),
        }
        for margin, (words, found, share, total) in zip(MARGINS, columns, strict=True)
    ]


def table(rows: Sequence[Mapping[str, float]]) -> str:
    """Return a line per margin."""
    lines = [
        "| margin | Tesseract | RapidOCR's recognizer | share of the best | IoU H | DetEval H | mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        counts = " | ".join(f"{row[engine]}" for engine in ENGINES)
        percent = " | ".join(f"{100 * row[name]:.1f}" for name in FIGURES)
        lines.append(f"| {row['margin']} | {counts} | {percent} |")
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--backgrounds", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", "count", default=150, show_default=True, help="Pictures to render.")
@click.option("--work", default="margin", type=click.Path(path_type=Path), show_default=True)
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), help="Folder.")
def main(backgrounds: Path, count: int, work: Path, results: Path) -> None:
    """Measure what OCR reads with each margin, and choose a margin by the rule."""
    torch.set_num_threads(1)
    config = read_settings(find_config("text"), Config).config
    assert isinstance(config.model, str), "a model folder, which says how it was trained"
    folder = find_model(config.model)
    model = load_model(folder)
    pictures = rendered(folder, work.absolute(), backgrounds, count)
    found = found_with(MARGINS, pictures, model, config)
    # Readings must be of the same boxes, whatever margin the config has today.
    made_by = f"{model.sha256[:12]}-{with_margin(config, 0.0).sha256()[:12]}"
    right = words_right(found, MARGINS, work / made_by)
    words = sum(len(read_truth(truth_file(picture)).words) for picture in pictures)
    counted = np.stack([counts_of(boxes) for boxes in found], axis=1)
    rows = rows_of(right.sum(axis=2), counted.sum(axis=2))
    margin = taken(worth(right.sum(axis=2), counted.sum(axis=2)))
    low, high = interval(right, counted)
    text = (
        "Printed by `benchmarks/margin_text.py`: `configs/text.yaml` with each `boxes.margin`, "
        f"model `{model.sha256[:12]}`, on {count} rendered pictures with {words} words. Words read "
        "right by each engine, in percent the mean of both against their best, H of boxes, and the "
        "mean of reading and of both H, which the rule makes largest.\n\n"
        f"{table(rows)}\n"
        f"The rule takes **{margin} pixels** (95 % of bootstrap samples of the pictures: "
        f"{low} to {high}).\n"
    )
    click.echo(text)
    results.mkdir(parents=True, exist_ok=True)
    (results / "margin_text.md").write_text(text, "utf-8")
    document = {"model_sha256": model.sha256, "pictures": count, "words": words}
    document |= {"margin": margin, "interval": [low, high], "margins": rows}
    (results / "margin_text.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
