"""Where is the horse, and the kangaroo? AdGAP's weights and their relatives on one classifier.

    pip install 'locpipe[compare,objects]'
    LOCPIPE_DATA=data-sets python benchmarks/objects.py --only Score-CAM  # 15 s per picture
    LOCPIPE_DATA=data-sets python benchmarks/objects.py

EfficientNet-lite0, trained on ImageNet by others, runs on `objects/horse` and `objects/kangaroo`.
Only the map of the class counts, at a long side of 448 pixels. AdGAP's weights are measured by
`locpipe weigh` in two settings: on one training picture of every ImageNet class
(`objects/imagenet_sample`), and on the image labels of every second horse and kangaroo. Grad-CAM,
Ablation-CAM and Score-CAM are those of the `grad-cam` package, on the first pictures of the other
half. Three scales are 1, 3/4 and 1/2 of that side. The scores of a picture are kept below `--work`,
so a stopped run goes on where it was. Writes results/objects.md and .json.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from objects_table import (
    CAM,
    LONG_SIDE,
    PACKAGE,
    SCORED,
    Array,
    Score,
    document,
    groups,
    groups_of_few,
    summary,
)
from torch import nn

from locpipe.pipeline.evaluation.wsol import centre_gaussian, whole_picture
from locpipe.pipeline.evaluation.wsol.annotations import read_csv, read_voc
from locpipe.pipeline.evaluation.wsol.boxes import swept_ious
from locpipe.pipeline.evaluation.wsol.masks import read_mask
from locpipe.pipeline.evaluation.wsol.pixels import histograms
from locpipe.pipeline.evaluation.wsol.pointing import hit
from locpipe.pipeline.training.images.weigh import weigh_folder
from locpipe.stages.errors import ImageError
from locpipe.stages.geometry.grid import Grid, resample
from locpipe.stages.heatmap import heatmap
from locpipe.stages.infer import Features, infer, normalized
from locpipe.stages.load import load
from locpipe.stages.models.card import Backbone
from locpipe.stages.models.loading import Model, load_model
from locpipe.stages.nets import Network
from locpipe.stages.nets.torchvision_shim import declare_operators
from locpipe.stages.settings import Merge, Weights

RESULTS = Path(__file__).parent / "results"
CLASSES = {"horse": "n02389026", "kangaroo": "n01877812"}
KINDS: tuple[Weights, ...] = ("paper", "class", "contrast", "energy", "excitation")
SCALES = (1.0, 0.75, 0.5)  # of LONG_SIDE
MERGES: tuple[Merge, ...] = ("max", "mean")
PRECISION = "bf16"  # of the masked pictures of Score-CAM


class Picture(NamedTuple):
    """A picture and the boxes of its object, in pixels of the picture."""

    name: str
    rgb: NDArray[np.uint8]
    boxes: Array  # [n, 4]
    mask: NDArray[np.bool_] | None


def main() -> None:
    """Measure all methods and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("LOCPIPE_DATA", "data")))
    parser.add_argument("--work", type=Path, default=Path("out/objects-models"))
    parser.add_argument("--few", type=int, default=40, help="pictures of a set for the package")
    parser.add_argument("--only", help="measure this method, and keep the rows of the others")
    parser.add_argument("--limit", type=int, help="pictures of a set, for trying the program")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = arguments.data / "objects"
    kept = Kept(arguments.work / "scores", arguments.only)
    models = weighed(data, arguments.work)
    file = arguments.output / "objects.json"
    numbers = json.loads(file.read_text()) if arguments.only else {}
    for name in CLASSES:
        paths = pictures_of(data / name)[: arguments.limit]
        scores = measure(name, data, paths, models, arguments.few, kept)
        compared = [] if arguments.only else [*groups(scores)]
        for title, chosen in (*compared, *groups_of_few(scores)):
            rows = {method: summary(some) for method, some in chosen.items()}
            numbers.setdefault(f"{name}, {title}", {}).update(rows)
        file.write_text(json.dumps(numbers, indent=1) + "\n")
        file.with_suffix(".md").write_text("\n".join(document(numbers)))


class Kept(NamedTuple):
    """Scores on disk, one file per picture and method; `only` says which are measured."""

    folder: Path
    only: str | None

    def score(self, name: str, method: str, measured: Callable[[], Score]) -> Score | None:
        """Return the kept score, or else measure it now; None if it was not asked for."""
        file = self.folder / method / f"{name}.npz"
        if file.exists():
            with np.load(file) as arrays:
                pixels = arrays.get("pixels")
                return Score(name, arrays["ious"], pixels, *arrays["rest"].tolist())
        if self.only not in {None, method}:
            return None
        score = measured()
        arrays = {"ious": score.ious, "rest": np.array([score.hit, score.seconds])}
        if score.pixels is not None:
            arrays["pixels"] = score.pixels
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as part:
            np.savez_compressed(part, **arrays)
        Path(part.name).rename(file)
        return score


def weighed(data: Path, work: Path) -> dict[str, Model]:
    """Return the classifier with the tables of both settings; missing tables are measured."""
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
    name: str,
    data: Path,
    paths: Sequence[Path],
    models: dict[str, Model],
    few: int,
    kept: Kept,
) -> dict[str, list[Score]]:
    """Return the scores of every method on the pictures of a set."""
    scores: dict[str, list[Score]] = {}
    left = few
    for number, path in enumerate(paths):
        picture = read(name, data, path)
        if picture is None:
            continue
        package = number % 2 == 1 and left > 0
        left -= package
        for method, map_of in maps(name, picture, models, package=package):
            score = kept.score(picture.name, method, partial(scored_by, picture, map_of))
            if score:
                scores.setdefault(method, []).append(score)
    return scores


def maps(
    name: str, picture: Picture, models: dict[str, Model], *, package: bool
) -> Iterator[tuple[str, Callable[[], tuple[Array, float]]]]:
    """Yield every method with a function that returns its map, in the picture's aspect, and CPU seconds."""
    height, width = picture.rgb.shape[:2]
    yield "whole picture", lambda: (whole_picture(width, height), 0.0)
    yield "centre Gaussian", lambda: (centre_gaussian(width, height), 0.0)
    model, label = models["sample"], CLASSES[name]

    @cache
    def inferred(share: float) -> tuple[Features, float]:
        start = time.process_time()
        scale = share * LONG_SIDE / max(height, width)
        features = infer(model, picture.rgb, scale=scale, padding="zeros")
        return features, time.process_time() - start

    def by_weights(
        weighed_model: Model, weights: Weights, shares: Sequence[float] = (1.0,), **merge: Merge
    ) -> tuple[Array, float]:
        features, seconds = zip(*map(inferred, shares), strict=True)
        return weighted(weighed_model, features, sum(seconds), label, weights, **merge)

    yield CAM, partial(by_weights, model, "linear")
    for setting, weighed_model in models.items():
        for kind in KINDS:
            yield f"{kind}, {setting}", partial(by_weights, weighed_model, kind)
    for merge in MERGES:
        several = partial(by_weights, models["labels"], "class", SCALES, merge=merge)
        yield f"class, {merge} of {len(SCALES)} scales, labels", several
    for method in PACKAGE if package else ():
        yield method, partial(by_package, method, picture, model, label)


def weighted(
    model: Model,
    features: Sequence[Features],
    inferred: float,
    label: str,
    weights: Weights,
    merge: Merge = "max",
) -> tuple[Array, float]:
    """Return the weighted map of a class, at the size at which it is scored."""
    start = time.process_time()
    found = heatmap(
        model, features, labels=[label], weights=weights, normalize="minmax", merge=merge
    )
    seconds = inferred + time.process_time() - start
    size = found.grid.picture
    width, height = scored_size(*size)
    stride = (size[0] / width, size[1] / height)
    target = Grid((height, width), stride, (stride[0] / 2, stride[1] / 2), size)
    return resample(found.values, found.grid, target)[0], seconds


def by_package(method: str, picture: Picture, model: Model, label: str) -> tuple[Array, float]:
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
    network = masked(model.network) if method == "Score-CAM" else model.network
    cam = kinds[method](model=network, target_layers=[model.network.features])
    target = ClassifierOutputTarget(model.card.members(label)[0])
    with torch.enable_grad():
        heat = cam(torch.from_numpy(x).requires_grad_(), [target])[0]
    return heat[: size[1], : size[0]], time.process_time() - start


class Masked(nn.Module):
    """The classifier, made fast enough for Score-CAM, which shows it one masked picture per filter.

    The unmasked picture goes through the classifier itself. The masked pictures only give the
    weights of the filters. They go through the same convolutions in OpenVINO's bfloat16. A silent
    filter masks the whole picture; all such pictures are equal, so their logits are computed once.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        import openvino  # noqa: PLC0415 - for Score-CAM only

        self.network = network
        graph = openvino.convert_model(network.features, example_input=torch.zeros(1, 3, 64, 64))
        options = {"INFERENCE_PRECISION_HINT": PRECISION, "INFERENCE_NUM_THREADS": 1}
        self.features = openvino.Core().compile_model(graph, "CPU", options)
        self.nothing: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [N, classes] of pictures [N, 3, H, W]: one unmasked picture, or several masked ones."""
        if len(x) == 1:
            self.nothing = None
            logits: torch.Tensor = self.network(x)
            return logits
        return torch.cat([self.logits(one) for one in x.split(1)])

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a masked picture, [1, classes]."""
        masked_wholly = not x.any()
        if masked_wholly and self.nothing is not None:
            return self.nothing
        maps = torch.from_numpy(self.features([x.numpy()])[0])
        logits: torch.Tensor = self.network.classifier(maps)
        if masked_wholly:
            self.nothing = logits
        return logits


masked = cache(Masked)


def scored_size(width: int, height: int) -> tuple[int, int]:
    """Return the width and height at which the maps of a picture are scored."""
    scale = min(1.0, SCORED / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def scored_by(picture: Picture, map_of: Callable[[], tuple[Array, float]]) -> Score:
    """Make a map and compare it with the truth."""
    return scored(picture, *map_of())


def scored(picture: Picture, heat: Array, seconds: float) -> Score:
    """Compare map and truth at the same size; the pointing game uses the size of the picture."""
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


if __name__ == "__main__":
    main()
