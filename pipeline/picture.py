"""One picture through the five stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..stages.load import Header, Image
from ..stages.model import ModelCard, Polarity

if TYPE_CHECKING:
    from ..stages.boxes import Boxes
    from ..stages.heatmap import Heatmap
    from ..stages.model import Model
    from ..stages.threshold import Mask
    from .config import Config, InferConfig

__all__ = ["Result", "check", "localize", "memory_needed"]


@dataclass(frozen=True)
class Result:
    """What the stages made of one picture.

    Attributes:
        image: the upright picture.
        heatmap: at map resolution.
        mask: at map resolution.
        boxes: in pixels of the upright picture.
        seconds: wall time of each stage.
    """

    image: Image
    heatmap: Heatmap
    mask: Mask
    boxes: Boxes
    seconds: dict[str, float]


def localize(image: Image, model: Model, config: Config) -> Result:
    """Run infer, heatmap, threshold, boxes and, where asked for, classify on a picture.

    Raises:
        ModelError: the model lacks what the config asks for; `check` tells before.
    """
    # Late, so that the parent process of a run can import this module without torch.
    from ..stages.boxes import find_boxes  # noqa: PLC0415
    from ..stages.classify import classify  # noqa: PLC0415
    from ..stages.heatmap import heatmap  # noqa: PLC0415
    from ..stages.infer import infer  # noqa: PLC0415
    from ..stages.threshold import threshold  # noqa: PLC0415

    seconds: dict[str, float] = {}
    infer_options, threshold_options, box_options = config.infer, config.threshold, config.boxes
    with _timed(seconds, "infer"):
        features = [
            infer(
                model,
                image.rgb,
                resolution=infer_options.resolution,
                scale=scale,
                polarity=polarity,
                padding=infer_options.padding,
            )
            for scale in _scales(infer_options, image.width, image.height)
            for polarity in _polarities(infer_options)
        ]
    with _timed(seconds, "heatmap"):
        heat = heatmap(
            model,
            features,
            labels=labels_of(model.card, config),
            **config.heatmap.model_dump(exclude={"labels"}),
        )
    with _timed(seconds, "threshold"):
        mask = threshold(heat, **threshold_options.model_dump())
    with _timed(seconds, "boxes"):
        options = box_options.model_dump(exclude={"classify", "max"})
        boxes = find_boxes(mask, heat, maximum=box_options.max, **options)
    if box_options.classify:
        with _timed(seconds, "classify"):
            boxes = classify(model, image.rgb, boxes, polarities=_polarities(infer_options))
    return Result(image, heat, mask, boxes, seconds)


def check(card: ModelCard, config: Config) -> None:
    """See, before anything is computed, that a model can do what a config asks for.

    Raises:
        ModelError: a label or a calibration is missing; the message says which and what to do.
    """
    options = config.heatmap
    for label in labels_of(card, config):
        card.members(label)
        if options.normalize == "minmax":
            continue
        for name in card.map_names(label, options.weights, options.group):
            for polarity in _polarities(config.infer):
                card.calibrated(options.weights, config.infer.resolution, polarity, name, 1.0)


def memory_needed(model: Model, header: Header, config: Config) -> int:
    """Return an estimate, in bytes, of what a picture of that size takes in a worker.

    The filter responses of every scale and polarity are kept until they are weighed.
    """
    from ..stages.infer import bytes_needed, shown_size  # noqa: PLC0415  torch

    at_once = []
    kept = 0
    for scale in _scales(config.infer, header.width, header.height):
        shown = shown_size(header.width, header.height, scale)
        peak, maps = bytes_needed(model, *shown, resolution=config.infer.resolution)
        at_once.append(peak)
        kept += maps * len(_polarities(config.infer))
    return max(at_once) + kept + 8 * header.width * header.height


def labels_of(card: ModelCard, config: Config) -> tuple[str, ...]:
    """Return the labels asked for: if none are, the model's groups, or else all its classes."""
    return config.heatmap.labels or tuple(card.groups) or card.classes


def _scales(options: InferConfig, width: int, height: int) -> list[float]:
    fit = min(1.0, options.long_side / max(width, height)) if options.long_side else 1.0
    return [fit * scale for scale in options.scale]


def _polarities(options: InferConfig) -> tuple[Polarity, ...]:
    return ("normal", "inverted") if options.polarity == "both" else (options.polarity,)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
