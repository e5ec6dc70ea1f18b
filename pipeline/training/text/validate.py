"""How well a network finds words: on rendered pictures, and on photographs for the curve."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ....stages.boxes import find_boxes
from ....stages.errors import ConfigError, ModelError
from ....stages.geometry.grid import Grid
from ....stages.heatmap import Heatmap
from ....stages.load import load
from ....stages.models.card import InputSpec
from ....stages.nets import Network
from ....stages.nets.dense import dense_features
from ....stages.threshold import threshold
from ...evaluation.overlaps import ComparedPicture, Region
from ...evaluation.score import score
from ...evaluation.truth import read_truth, truth_files
from ..scene_text.render import Renderer
from ..scene_text.settings import RenderSettings
from ..scene_text.truth import UNREADABLE, Rendering
from .labels import IGNORED, SHRINK, STRIDE, TEXT, label

INPUT = InputSpec(
    channels=3,
    width=384,
    height=384,
    object_size=384,
    mean=(0.45, 0.45, 0.45),
    std=(0.25, 0.25, 0.25),
)
RENDERED_SEED = 7_000_000
"""Added to the renderer's seed, so that no validation picture is used in training."""
_PHOTOGRAPHS = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
_MULTIPLE = 64
_THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_LEAST_AREA = 32.0  # area of a core, in square pixels


@dataclass(frozen=True)
class Rendered:
    """The rendered pictures that a training is measured on."""

    settings: RenderSettings
    count: int

    @cached_property
    def pictures(self) -> tuple[Rendering, ...]:
        """The pictures, always the same."""
        other = {"seed": self.settings.seed + RENDERED_SEED, "width": 512, "height": 512}
        renderer = Renderer(self.settings.model_copy(update=other))
        return tuple(renderer.render(index) for index in range(self.count))

    @cached_property
    def sha256(self) -> str:
        """The hash of the pictures: it differs for other settings or another renderer."""
        return sha256(b"".join(one.rgb.tobytes() for one in self.pictures)).hexdigest()


def head_of(network: Network) -> nn.Conv2d:
    """Return the 1x1 convolution that classifies the positions of a network.

    Raises:
        ModelError: its classifier is another one, or its positions are not those of the labels.
    """
    head, name = network.classifier, type(network).__name__
    if not isinstance(head, nn.Conv2d) or head.kernel_size != (1, 1):
        msg = f"{name} does not classify positions by a 1x1 convolution; choose another network, such as text"
        raise ModelError(msg)
    _, shape = dense_features(network, "native", windows=False)
    if (shape.stride, shape.offset) != (STRIDE, STRIDE / 2):
        msg = (
            f"{name} has cells {shape.stride} pixels apart, the first at {shape.offset:g}; labels "
            f"have {STRIDE}, {STRIDE / 2:g}; choose another network, such as text"
        )
        raise ModelError(msg)
    return head


def as_input(pictures: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Return pictures uint8 [N, H, W, 3] as the network wants them, float32 [N, 3, H, W].

    They stay channels last in memory, which is fastest for convolutions on CPUs.
    """
    x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float()
    return x.mul_(1 / 255 / INPUT.std[0]).sub_(INPUT.mean[0] / INPUT.std[0])


def measure(network: Network, rendered: Rendered) -> dict[str, float]:
    """Measure how well the network's own head finds words on the rendered pictures.

    `iou_h` is H of words by IoU at the probability `threshold` where it is best. `core_f` is F of
    the positions of cores there.
    """
    heats = [_probability(network, one.rgb) for one in rendered.pictures]
    scores = {}
    for value in _THRESHOLDS:
        pictures = [
            compared(str(number), one.rgb, heat, regions(one), value)
            for number, (one, heat) in enumerate(zip(rendered.pictures, heats, strict=True))
        ]
        scores[value] = score(pictures, ["icdar2015"]).totals["icdar2015"].score.h
    best = max(scores, key=lambda value: scores[value])
    core_f = _core_f(rendered.pictures, heats, best)
    return {"core_f": core_f, "iou_h": scores[best], "threshold": best}


def _core_f(
    pictures: Sequence[Rendering], heats: Sequence[NDArray[np.float32]], value: float
) -> float:
    tally = np.zeros(3)
    for one, heat in zip(pictures, heats, strict=True):
        truth = label(one.words, one.rgb.shape[1], one.rgb.shape[0]).classes
        found, there, counts = heat > value, truth == TEXT, truth != IGNORED
        tally += [(found & there).sum(), (found & counts).sum(), there.sum()]
    return float(2 * tally[0] / max(1.0, tally[1] + tally[2]))


def regions(rendering: Rendering) -> list[Region]:
    """Return the words of a rendered picture as ground truth, the unreadable ones ignored."""
    return [
        Region(word.polygon.astype(np.float64), word.text == UNREADABLE) for word in rendering.words
    ]


def measure_real(network: Network, folder: Path, count: int, value: float) -> dict[str, float]:
    """Return H of words by IoU and DetEval, and F of pixels, on `count` photographs of a folder.

    The network's own head decides, with `value` as the threshold of the probability of a core. The
    folder has its ground truth in `gt`.
    """
    pictures = [
        compared(name, rgb, _probability(network, rgb), truth, value)
        for name, rgb, truth in real_pictures(folder, count)
    ]
    return {name: total.score.h for name, total in score(pictures).totals.items()}


def real_pictures(
    folder: Path, count: int
) -> Iterator[tuple[str, NDArray[np.uint8], list[Region]]]:
    """Yield name, pixels uint8 [H, W, 3] and truth of evenly spaced photographs of a folder.

    Raises:
        ConfigError: there is no ground truth, or a piece of it has no photograph.
    """
    files = sorted(truth_files(folder).items())
    chosen = np.unique(np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int))
    photographs = {
        file.stem: file for file in folder.rglob("*") if file.suffix.lower() in _PHOTOGRAPHS
    }
    for stem, truth in (files[index] for index in chosen):
        if stem not in photographs:
            msg = f"{truth} has no photograph beside it in {folder}; add it or remove the truth"
            raise ConfigError(msg)
        yield stem, load(photographs[stem]).rgb, list(read_truth(truth))


def _probability(network: Network, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probability of a core at each position, float32 [ceil(H / 4), ceil(W / 4)]."""
    height, width = rgb.shape[:2]
    x = as_input(np.ascontiguousarray(rgb[None]), next(network.parameters()).device)
    x = torch.nn.functional.pad(x, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE))
    with torch.inference_mode():
        probability = network(x).softmax(dim=1)[0, TEXT].cpu().numpy()
    return np.asarray(probability[: -(-height // STRIDE), : -(-width // STRIDE)], np.float32)


def compared(
    name: str,
    rgb: NDArray[np.uint8],
    probability: NDArray[np.float32],
    truth: list[Region],
    value: float,
) -> ComparedPicture:
    """Return a picture, uint8 [H, W, 3], with its words and the boxes of probable text.

    Cells whose probability of text (float32 [h, w], a cell per `STRIDE` pixels) reaches `value` are
    text.
    """
    size = (rgb.shape[1], rgb.shape[0])
    grid = Grid(probability.shape, (STRIDE, STRIDE), (STRIDE / 2, STRIDE / 2), size)
    heat = Heatmap(probability[None], ("text",), grid)
    padding = SHRINK / (1 - 2 * SHRINK)
    boxes = find_boxes(
        threshold(heat, value=value), heat, min_area=_LEAST_AREA, shape="rotated", padding=padding
    )
    return ComparedPicture(name, size, truth, [np.array(box.polygon) for box in boxes.items])
