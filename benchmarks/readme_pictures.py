"""The photographs that docs/numbers.md shows (the README has the first), chosen by a rule.

    python benchmarks/readme_pictures.py

The photographs of data/samples with legible text are sorted by H of DetEval (equal ones by name).
The best two, the middle two and the worst two are chosen, failures included. For each, the overlay
by configs/text.yaml is written, small, to docs/images/text-<rank>-<name>.jpg. The Markdown that
shows them is written to benchmarks/results/readme_pictures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

import locpipe
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Region
from locpipe.pipeline.evaluation.score import Score, score
from locpipe.pipeline.evaluation.truth import read_truth
from locpipe.pipeline.output.pictures import overlay_pixels
from locpipe.pipeline.sources.pictures import EXTENSIONS

ROOT = Path(__file__).parents[1]
LONGEST_SIDE = 800
MOST_BYTES = 150_000


@dataclass(frozen=True)
class Shown:
    """A photograph, how well its text was found, and the overlay, uint8 [h, w, 3] RGB."""

    name: str
    score: Score
    overlay: NDArray[np.uint8]


def legible(truth: Sequence[Region]) -> bool:
    """Say whether there is anything to find."""
    return any(not region.ignored for region in truth)


def look_at(file: Path, truth: Sequence[Region]) -> Shown:
    """Run the shipped config on a photograph; its truth is in the upright frame."""
    result = locpipe.localize(file, "text")
    boxes = [np.array(box.polygon, np.float64) for box in result.boxes.items]
    seen = ComparedPicture(file.stem, (result.image.width, result.image.height), truth, boxes)
    return Shown(
        file.stem, score([seen], ["deteval"]).totals["deteval"].score, overlay_pixels(result)
    )


def best_middle_worst(pictures: Sequence[Shown]) -> list[Shown]:
    """Return the best two, the middle two and the worst two, best first."""
    ranked = sorted(pictures, key=lambda shown: (-shown.score.h, shown.name))
    middle = len(ranked) // 2
    places = {0, 1, middle - 1, middle, len(ranked) - 2, len(ranked) - 1}
    return [ranked[place] for place in sorted(places) if 0 <= place < len(ranked)]


def as_jpeg(overlay: NDArray[np.uint8]) -> bytes:
    """Return the overlay as a small JPEG: longest side at most 800 pixels, at most 150 kB."""
    scale = min(1.0, LONGEST_SIDE / max(overlay.shape[:2]))
    small = cv2.resize(overlay, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for quality in range(85, 5, -10):
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
        if len(encoded) <= MOST_BYTES:
            break
    return encoded.tobytes()


def markdown(chosen: Sequence[Shown], folder: str) -> str:
    """Return a table of three columns that shows the pictures with their scores."""
    cells = [
        f"![{shown.name}]({folder}/{file_name(rank, shown)}) DetEval H "
        f"{100 * shown.score.h:.0f} (P {100 * shown.score.precision:.0f}, "
        f"R {100 * shown.score.recall:.0f})"
        for rank, shown in enumerate(chosen, start=1)
    ]
    rows = [cells[start : start + 3] for start in range(0, len(cells), 3)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def file_name(rank: int, shown: Shown) -> str:
    """Return the name of the file that shows a picture."""
    return f"text-{rank}-{shown.name}.jpg"


@click.command()
@click.option("--samples", default=ROOT / "data" / "samples", type=click.Path(path_type=Path))
@click.option("--images", default=ROOT / "docs" / "images", type=click.Path(path_type=Path))
@click.option("--results", default=ROOT / "benchmarks" / "results", type=click.Path(path_type=Path))
def main(samples: Path, images: Path, results: Path) -> None:
    """Choose the photographs and write them."""
    files = sorted(file for file in samples.iterdir() if file.suffix in EXTENSIONS)
    truths = {file: read_truth(samples / "gt" / f"{file.stem}.txt") for file in files}
    seen = [look_at(file, truth) for file, truth in truths.items() if legible(truth)]
    chosen = best_middle_worst(seen)
    images.mkdir(parents=True, exist_ok=True)
    for old in images.glob("text-*.jpg"):
        old.unlink()
    for rank, shown in enumerate(chosen, start=1):
        (images / file_name(rank, shown)).write_bytes(as_jpeg(shown.overlay))
    results.mkdir(parents=True, exist_ok=True)
    text = markdown(chosen, "docs/images")
    (results / "readme_pictures.md").write_text(text, "utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
