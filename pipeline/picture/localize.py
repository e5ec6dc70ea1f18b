"""One picture through the five stages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...stages.clock import Clock
from ...stages.errors import ConfigError
from ...stages.labels import count_of_maps, is_chosen_by_picture
from ...stages.load import Header, Image
from ...stages.models.card import ModelCard
from ...stages.settings import Polarity

if TYPE_CHECKING:
    from ...stages.boxes import Boxes
    from ...stages.heatmap import Heatmap
    from ...stages.infer import Features
    from ...stages.models.loading import Model
    from ...stages.settings import InferSettings
    from ...stages.threshold import Mask
    from ..config.sections import Config

__all__ = [
    "Result",
    "check",
    "check_masks",
    "features_of",
    "fitted",
    "localize",
    "memory_needed",
]

_MOST = 1.5  # times as large: a blown-up icon shows nothing new


@dataclass(frozen=True)
class Result:
    """What the stages made of one picture.

    Attributes:
        image: the upright picture.
        heatmap: at map resolution, or a refined one at that of the picture.
        mask: on the grid of the heatmap; with `boxes.fill` a cell for every pixel of the picture.
        boxes: in pixels of the upright picture.
        seconds: wall time of each stage, all that its clock has seen.
    """

    image: Image
    heatmap: Heatmap
    mask: Mask
    boxes: Boxes
    seconds: dict[str, float]


def localize(
    image: Image,
    model: Model,
    config: Config,
    *,
    features: Sequence[Features] | None = None,
    clock: Clock | None = None,
) -> Result:
    """Run infer, heatmap, threshold, boxes and, where asked for, classify on a picture.

    Args:
        image: the upright picture.
        model: the model of the config.
        config: what to do.
        features: what `features_of` gave for this picture, so that configs that differ only after
            `infer` share it; made here if not given.
        clock: told each stage as it begins.

    Raises:
        ModelError: the model lacks what the config asks for; `check` tells before.
    """
    # Late, so that the parent process of a run can import this module without torch.
    from ...stages.boxes import find_boxes  # noqa: PLC0415
    from ...stages.classify import classify  # noqa: PLC0415
    from ...stages.geometry.rasterize import filled  # noqa: PLC0415 - as the others
    from ...stages.heatmap import heatmap  # noqa: PLC0415
    from ...stages.labels import chosen, darkened, named, with_groups  # noqa: PLC0415

    clock = clock or Clock()
    infer_options, box_options = config.infer, config.boxes
    with clock.stage("infer"):
        if features is None:
            features = features_of(image, model, config)
    with clock.stage("heatmap"):
        model = with_groups(model, config.heatmap.groups)
        heat = heatmap(
            model,
            features,
            labels=chosen(model, features, labels_of(model.card, config)),
            **config.heatmap.model_dump(exclude={"labels", "groups", "min_probability"}),
        )
        heat = darkened(model, features, heat, config.heatmap.min_probability)
    heat, mask = _mask(image, heat, config, clock)
    with clock.stage("boxes"):
        options = box_options.model_dump(exclude={"classify", "fill", "max"})
        boxes = find_boxes(mask, heat, maximum=box_options.max, **options)
        if _is_recognition(model.card, config):
            boxes = named(model, features, boxes)
        if box_options.fill:
            mask = filled(boxes.items, mask.labels, mask.grid.picture)
    if box_options.classify:
        with clock.stage("classify"):
            boxes = classify(model, image.rgb, boxes, polarities=_polarities(infer_options))
    return Result(image, heat, mask, boxes, dict(clock.seconds))


def _mask(image: Image, heat: Heatmap, config: Config, clock: Clock) -> tuple[Heatmap, Mask]:
    """Return the mask, and the heat on its grid: that of the map, or of the pixels if refined."""
    from ...stages.refine import at_picture_resolution, refine  # noqa: PLC0415
    from ...stages.threshold import threshold  # noqa: PLC0415

    options = config.refine
    with clock.stage("threshold"):
        if options.method != "none":
            heat = at_picture_resolution(heat)
        mask = threshold(heat, **config.threshold.model_dump())
    if options.method != "none":
        with clock.stage("refine"):
            mask = refine(image.rgb, heat, mask, **options.model_dump())
    return heat, mask


def features_of(image: Image, model: Model, config: Config) -> list[Features]:
    """Return the filter responses of a picture at every scale and polarity of a config."""
    from ...stages.infer import infer  # noqa: PLC0415 - imports torch

    options = config.infer
    return [
        infer(
            model,
            image.rgb,
            resolution=options.resolution,
            scale=scale,
            polarity=polarity,
            padding=options.padding,
            precision=options.precision,
            windows=_is_windowed(config),
        )
        for scale in _scales(options, image.width, image.height)
        for polarity in _polarities(options)
    ]


def fitted(options: InferSettings, width: int, height: int) -> float:
    """Return the factor by which a picture is enlarged or shrunk for its size."""
    wanted = options.enlarge_to or 0.0
    larger = min(max(math.sqrt(1e6 * wanted / (width * height)), 1.0), _MOST)
    return min(larger, options.long_side / max(width, height)) if options.long_side else larger


def check(card: ModelCard, config: Config) -> None:
    """See from its card that a model can do what a config asks for; `trial` sees the rest.

    Raises:
        ConfigError: a package is missing that the refinement needs.
        ModelError: a label or a calibration is missing; the message says which and what to do.
    """
    if config.refine.method != "none":
        from ...stages.refine import check_refinement  # noqa: PLC0415 - start-up time

        check_refinement(config.refine.method)
    options = config.heatmap
    card = card.model_copy(update={"groups": {**card.groups, **options.groups}})
    for label in labels_of(card, config):
        if is_chosen_by_picture(label):
            continue
        card.members(label)
        if options.normalize == "minmax" or options.weights == "classifier":
            continue
        for name in card.map_names(label, options.weights, options.group):
            for polarity in _polarities(config.infer):
                card.calibrated(options.weights, config.infer.resolution, polarity, name, 1.0)


def check_masks(card: ModelCard, config: Config) -> None:
    """See that the 8 bits of the masks that a run writes suffice for the labels.

    Raises:
        ConfigError: they do not.
    """
    count = count_of_maps(labels_of(card, config), len(card.classes))
    if config.output.masks and count > 255:
        msg = (
            f"output.masks: a mask of 8 bits numbers 255 labels, but there are {count}; "
            "name fewer in heatmap.labels, or set output.masks=false"
        )
        raise ConfigError(msg)


def memory_needed(model: Model, header: Header, config: Config) -> int:
    """Return an estimate, in bytes, of what a picture of that size takes in a worker.

    The filter responses of every scale and polarity are kept until they are weighed.
    """
    from ...stages.infer import bytes_needed, shown_size  # noqa: PLC0415  torch

    at_once = []
    kept = 0
    for scale in _scales(config.infer, header.width, header.height):
        shown = shown_size(header.width, header.height, scale)
        peak, maps = bytes_needed(
            model,
            *shown,
            resolution=config.infer.resolution,
            padding=config.infer.padding,
            windows=_is_windowed(config),
        )
        at_once.append(peak)
        kept += maps * len(_polarities(config.infer))
    # Heat, mask and refined mask of every label, and temporary arrays of one.
    count = count_of_maps(labels_of(model.card, config), len(model.card.classes))
    refined = 0 if config.refine.method == "none" else 6 * count + 32
    filled = count if config.boxes.fill else 0
    return max(at_once) + kept + (8 + refined + filled) * header.width * header.height


def labels_of(card: ModelCard, config: Config) -> tuple[str, ...]:
    """Return the labels asked for: if none are, the model's groups, or else all its classes."""
    return config.heatmap.labels or tuple(card.groups) or card.classes


def _is_recognition(card: ModelCard, config: Config) -> bool:
    """Say whether the classes are of whole pictures, chosen among by what the picture shows."""
    options = config.heatmap
    by_picture = any(map(is_chosen_by_picture, labels_of(card, config)))
    return card.backbone is not None or by_picture or options.min_probability > 0


def _is_windowed(config: Config) -> bool:
    return config.heatmap.weights == "classifier"


def _scales(options: InferSettings, width: int, height: int) -> list[float]:
    fit = fitted(options, width, height)
    return [fit * scale for scale in options.scale]


def _polarities(options: InferSettings) -> tuple[Polarity, ...]:
    return ("normal", "inverted") if options.polarity == "both" else (options.polarity,)
