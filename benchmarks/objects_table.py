"""The tables of `objects.py`: the groups of methods that share pictures, and their Markdown."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from locpipe.pipeline.evaluation.wsol.boxes import accuracies
from locpipe.pipeline.evaluation.wsol.pixels import precision_areas

CAM = "CAM"
PACKAGE = ("Grad-CAM", "Ablation-CAM", "Score-CAM")
LONG_SIDE = 448  # pixels of a picture as the network sees it
SCORED = 224  # pixels of the longest side of maps and truth when they are compared
Array = NDArray[Any]


class Score(NamedTuple):
    """The scores of a map of one picture; see the modules of `evaluation.wsol`."""

    name: str
    ious: Array  # [2, 256]
    pixels: Array | None
    hit: float
    seconds: float


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the measures over pictures, in percent."""
    once = np.ones((1, len(scores)))
    _, at, _ = accuracies(np.stack([one.ious for one in scores]), once)
    pixels = [one.pixels for one in scores if one.pixels is not None]
    pxap = precision_areas(np.stack(pixels), once) if pixels else [np.nan]
    return {
        "pictures": len(scores),
        "MaxBoxAccV2": float(100 * at[0].mean()),
        "at": [float(100 * share) for share in at[0]],
        "PxAP": float(100 * pxap[0]),
        "pointing": float(100 * np.mean([one.hit for one in scores])),
        "seconds": float(np.median([one.seconds for one in scores])),
    }


def document(numbers: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield from ("# Objects: where is the horse, where is the kangaroo?", "", *intro(), "")
    for title, rows in sorted(numbers.items(), key=lambda item: item[0].partition(",")[0]):
        yield from (f"## {title}", "", *table(rows), "")


def groups(scores: dict[str, list[Score]]) -> Iterator[tuple[str, dict[str, list[Score]]]]:
    """Yield the methods compared on all pictures, then those compared on every second picture."""
    names = sorted(one.name for one in scores[CAM])
    ours = {key: some for key, some in scores.items() if key not in PACKAGE}
    fixed = {key: some for key, some in ours.items() if not key.endswith("labels")}
    yield "all pictures (weights of `imagenet_sample`)", fixed
    halved = only({*names} - {*names[::2]}, ours)
    yield "every second picture (the others gave the weights `labels`)", halved


def groups_of_few(scores: dict[str, list[Score]]) -> Iterator[tuple[str, dict[str, list[Score]]]]:
    """Yield the methods compared on the package's pictures; its methods may differ in their pictures."""
    pictures = {key: {one.name for one in some} for key, some in scores.items()}
    for few in {len(pictures[key]): pictures[key] for key in PACKAGE if key in scores}.values():
        title = f"the first {len(few)} of these, with the `grad-cam` package"
        there = {key: some for key, some in scores.items() if pictures[key] >= few}
        yield title, only(few, there)


def only(names: set[str], scores: dict[str, list[Score]]) -> dict[str, list[Score]]:
    """Return only the scores of the pictures in `names`."""
    return {key: [one for one in some if one.name in names] for key, some in scores.items()}


def intro() -> list[str]:
    """Return the lines that explain the tables."""
    return [
        "Made by `benchmarks/objects.py`: EfficientNet-lite0 with its ImageNet weights, stride 32,",
        f"pictures at a long side of {LONG_SIDE} pixels, `normalize: minmax`; maps and truth are",
        f"compared at {SCORED} pixels. MaxBoxAccV2 with its accuracies at IoU 0.3, 0.5, 0.7 and",
        "PxAP of Choe et al. 2020; pointing with 15 pixels of tolerance; in percent. CPU seconds",
        "per picture on one thread, median. PxAP needs masks, which the kangaroos do not have.",
        "Three scales are 1, 3/4 and 1/2 of that side, joined by the maximum or the mean.",
        "Grad-CAM, Ablation-CAM and Score-CAM are those of the `grad-cam` package. The masked pictures",
        "of Score-CAM, one for each of 1,280 filters, went through OpenVINO in bfloat16: of",
        "horse002.jpg its map correlates by .9998 with that in float32; all else is in float32.",
    ]


def table(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the rows, best MaxBoxAccV2 first."""
    yield "| method | pictures | MaxBoxAccV2 | 0.3 / 0.5 / 0.7 | PxAP | pointing | s | backward |"
    yield "|---|---|---|---|---|---|---|---|"
    for method, row in sorted(rows.items(), key=lambda item: -item[1]["MaxBoxAccV2"]):
        at = " / ".join(f"{share:.0f}" for share in row["at"])
        pxap = "" if np.isnan(row["PxAP"]) else f"{row['PxAP']:.1f}"
        backward = "yes" if method == "Grad-CAM" else "no"
        yield (
            f"| {method} | {row['pictures']} | {row['MaxBoxAccV2']:.1f} | {at} | {pxap} | "
            f"{row['pointing']:.1f} | {row['seconds']:.2f} | {backward} |"
        )
