"""Where is the horse, and the kangaroo? AdGAP's weights and their relatives on one classifier.

    LOCPIPE_DATA=data-sets python benchmarks/objects.py

EfficientNet-lite0, trained on ImageNet by others, on `objects/horse` and `objects/kangaroo`: the
map of the class alone decides, at a long side of 448 pixels. AdGAP's weights are measured by
`locpipe weigh` in two settings: on one training picture of every ImageNet class
(`objects/imagenet_sample`), and on the image labels of every second horse and kangaroo. Grad-CAM,
Ablation-CAM and Score-CAM are those of the `grad-cam` package, on the first pictures of the other
half. Writes results/objects.md and .json.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from locpipe.pipeline.evaluation.wsol import centre_gaussian, whole_picture
from locpipe.pipeline.evaluation.wsol.annotations import read_csv, read_voc
from locpipe.pipeline.evaluation.wsol.boxes import accuracies, swept_ious
from locpipe.pipeline.evaluation.wsol.masks import read_mask
from locpipe.pipeline.evaluation.wsol.pixels import histograms, precision_areas
from locpipe.pipeline.evaluation.wsol.pointing import hit
from locpipe.pipeline.training.weigh_folder import weigh_folder
from locpipe.stages.errors import ImageError
from locpipe.stages.grid import Grid, resample
from locpipe.stages.heatmap import heatmap
from locpipe.stages.infer import Features, infer, normalized
from locpipe.stages.load import load
from locpipe.stages.model import Backbone, Model, Weights, load_model
from locpipe.stages.nets.torchvision_shim import declare_operators

RESULTS = Path(__file__).parent / "results"
CLASSES = {"horse": "n02389026", "kangaroo": "n01877812"}
KINDS: tuple[Weights, ...] = ("paper", "class", "contrast", "energy", "excitation")
CAM = "CAM"
PACKAGE = ("Grad-CAM", "Ablation-CAM", "Score-CAM")
LONG_SIDE = 448  # pixels of a picture as the network sees it
SCORED = 224  # pixels of the longest side of maps and truth when they are compared
Array = NDArray[Any]


class Picture(NamedTuple):
    """A picture and where its object is, in its own pixels."""

    name: str
    rgb: NDArray[np.uint8]
    boxes: Array  # [n, 4]
    mask: NDArray[np.bool_] | None


class Score(NamedTuple):
    """What a map of one picture is worth; see the modules of `evaluation.wsol`."""

    name: str
    ious: Array  # [2, 256]
    pixels: Array | None
    hit: float
    seconds: float


def main() -> None:
    """Measure all methods and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("LOCPIPE_DATA", "data")))
    parser.add_argument("--work", type=Path, default=Path("out/objects-models"))
    parser.add_argument("--few", type=int, default=40, help="pictures of a set for the package")
    parser.add_argument("--score", type=int, default=40, help="pictures of a set for Score-CAM")
    parser.add_argument("--limit", type=int, help="pictures of a set, for trying the program")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = arguments.data / "objects"
    models = weighed(data, arguments.work)
    found = {}
    for name in CLASSES:
        paths = pictures_of(data / name)[: arguments.limit]
        found[name] = measure(name, data, paths, models, (arguments.few, arguments.score))
        write(found, arguments.output)


def weighed(data: Path, work: Path) -> dict[str, Model]:
    """Return the classifier with the tables of both settings, measured unless they are there."""
    halves = work / "labels"
    for name, label in CLASSES.items():
        (halves / label).mkdir(parents=True, exist_ok=True)
        for path in pictures_of(data / name)[::2]:
            link = halves / label / path.name
            if not link.is_symlink():
                link.symlink_to(path.absolute())
    models = {}
    for setting, folder in (("sample", data / "imagenet_sample"), ("labels", halves)):
        if not (work / "models" / setting / "model.yaml").exists():
            backbone = Backbone(backbone="efficientnet_lite0")
            print(weigh_folder(backbone, folder, work / "models" / setting), flush=True)
        models[setting] = load_model(work / "models" / setting)
    return models


def pictures_of(folder: Path) -> list[Path]:
    """Return the pictures of a set, by name."""
    inner = folder / ("rgb" if (folder / "rgb").is_dir() else "images")
    return sorted(inner.glob("*.jpg"))


def read(name: str, data: Path, path: Path) -> Picture | None:
    """Return a picture and its truth; None if it is broken, as one kangaroo is."""
    try:
        image = load(path)
    except ImageError:
        return None
    if name == "kangaroo":
        things = read_voc(data / name / "annots" / f"{path.stem}.xml")
        return Picture(path.name, image.rgb, np.array([one.box for one in things]), None)
    things = boxes_of(data / name / "boxes_from_masks.csv")[path.stem]
    mask = read_mask(data / name / "figure_ground" / path.name, (image.width, image.height))
    return Picture(path.name, image.rgb, np.array([one.box for one in things]), mask)


boxes_of = cache(read_csv)


def measure(
    name: str, data: Path, paths: Sequence[Path], models: dict[str, Model], few: tuple[int, int]
) -> dict[str, list[Score]]:
    """Return the scores of every method on the pictures of a set."""
    scores: dict[str, list[Score]] = {}
    for number, path in enumerate(paths):
        picture = read(name, data, path)
        if picture is None:
            continue
        for method, (heat, seconds) in maps(name, picture, models, number, few):
            scores.setdefault(method, []).append(scored(picture, heat, seconds))
    return scores


def maps(
    name: str, picture: Picture, models: dict[str, Model], number: int, few: tuple[int, int]
) -> Iterator[tuple[str, tuple[Array, float]]]:
    """Yield every method's map of a picture, of the picture's aspect, and its CPU seconds."""
    height, width = picture.rgb.shape[:2]
    yield "whole picture", (whole_picture(width, height), 0.0)
    yield "centre Gaussian", (centre_gaussian(width, height), 0.0)
    model, label = models["sample"], CLASSES[name]
    scale = LONG_SIDE / max(height, width)
    start = time.process_time()
    features = infer(model, picture.rgb, scale=scale, padding="zeros")
    inferred = time.process_time() - start
    yield CAM, weighted(model, features, label, "linear", inferred)
    for setting, weighed_model in models.items():
        for kind in KINDS:
            one = weighted(weighed_model, features, label, kind, inferred)
            yield f"{kind}, {setting}", one
    if number % 2:
        for method, limit in zip(PACKAGE, (few[0], few[0], few[1]), strict=True):
            if number // 2 < limit:
                yield method, by_package(method, model, picture, label)


def weighted(
    model: Model, features: Features, label: str, weights: Weights, inferred: float
) -> tuple[Array, float]:
    """Return the map of a class by its weights, at the size that it is scored at."""
    start = time.process_time()
    found = heatmap(model, [features], labels=[label], weights=weights, normalize="minmax")
    seconds = inferred + time.process_time() - start
    width, height = scored_size(*features.grid.picture)
    stride = (features.grid.picture[0] / width, features.grid.picture[1] / height)
    offset = (stride[0] / 2, stride[1] / 2)
    target = Grid((height, width), stride, offset, features.grid.picture)
    return resample(found.values, features.grid, target)[0], seconds


def by_package(method: str, model: Model, picture: Picture, label: str) -> tuple[Array, float]:
    """Return the map of the `grad-cam` package for the same input and the same layer."""
    declare_operators()
    import pytorch_grad_cam as package  # noqa: PLC0415 - after the operators
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: PLC0415

    kinds: dict[str, Callable[..., Any]] = {
        "Grad-CAM": package.GradCAM,
        "Ablation-CAM": package.AblationCAM,
        "Score-CAM": package.ScoreCAM,
    }
    height, width = picture.rgb.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown = np.asarray(cv2.resize(picture.rgb, size, interpolation=mode), np.uint8)
    x = normalized(shown[None], model.card.input)
    x = np.pad(x, ((0, 0), (0, 0), (0, -size[1] % 32), (0, -size[0] % 32)))
    start = time.process_time()
    cam = kinds[method](model=model.network, target_layers=[model.network.features])
    target = ClassifierOutputTarget(model.card.members(label)[0])
    with torch.enable_grad():
        heat = cam(torch.from_numpy(x).requires_grad_(), [target])[0]
    return heat[: size[1], : size[0]], time.process_time() - start


def scored_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of a picture when its maps are scored."""
    scale = min(1.0, SCORED / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def scored(picture: Picture, heat: Array, seconds: float) -> Score:
    """Compare a map with the truth, both at the same size; pointing at the picture's own."""
    height, width = picture.rgb.shape[:2]
    size = scored_size(width, height)
    boxes = picture.boxes * (np.array([*size, *size]) / (width, height, width, height))
    small = np.asarray(cv2.resize(heat.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))
    pixels, truth = None, picture.boxes
    if picture.mask is not None:
        mask = cv2.resize(picture.mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        pixels = histograms(small, np.asarray(mask, np.bool_))
        truth = picture.mask
    full = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return Score(picture.name, swept_ious(small, boxes), pixels, hit(full, truth), seconds)


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


def write(found: dict[str, dict[str, list[Score]]], output: Path) -> None:
    """Write the table and the numbers it is made of."""
    lines = ["# Objects: where is the horse, where is the kangaroo?", "", *intro(), ""]
    numbers: dict[str, Any] = {}
    for name, scores in found.items():
        for title, chosen in groups(scores):
            rows = {method: summary(some) for method, some in chosen.items() if some}
            numbers[f"{name}, {title}"] = rows
            lines += [f"## {name}, {title}", "", *table(rows), ""]
    (output / "objects.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (output / "objects.md").write_text("\n".join(lines))


def groups(scores: dict[str, list[Score]]) -> Iterator[tuple[str, dict[str, list[Score]]]]:
    """Yield what is compared on the same pictures."""
    names = sorted(one.name for one in scores[CAM])
    other_half = {name for name in names if name not in set(names[::2])}
    ours = {key: some for key, some in scores.items() if key not in PACKAGE}
    fixed = {key: some for key, some in ours.items() if not key.endswith("labels")}
    yield "all pictures (weights of `imagenet_sample`)", fixed
    halved = {key: [one for one in some if one.name in other_half] for key, some in ours.items()}
    yield "every second picture (the others gave the weights `labels`)", halved
    for method in PACKAGE:
        few = {one.name for one in scores.get(method, [])}
        if few:
            same = {key: [o for o in some if o.name in few] for key, some in halved.items()}
            yield f"{method} and the others on the same few", {method: scores[method], **same}


def intro() -> list[str]:
    """Say what was done."""
    return [
        "Made by `benchmarks/objects.py`: EfficientNet-lite0 with its ImageNet weights, stride 32,",
        f"pictures at a long side of {LONG_SIDE} pixels, `normalize: minmax`; maps and truth are",
        f"compared at {SCORED} pixels. MaxBoxAccV2 with its accuracies at IoU 0.3, 0.5, 0.7 and",
        "PxAP of Choe et al. 2020; pointing with 15 pixels of tolerance; in percent. CPU seconds a",
        "picture on one thread, median. PxAP needs masks, which the kangaroos do not have.",
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


if __name__ == "__main__":
    main()
