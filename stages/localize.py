"""One picture through the five stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .boxes import find_boxes
from .classify import classify
from .clock import Clock
from .engines.choice import opened, way_of
from .geometry.box import Boxes
from .geometry.grid import Grid
from .geometry.rasterize import filled
from .heatmap import Heatmap, heatmap, weigher
from .infer import Features, infer
from .labels import chosen, darkened, named, with_groups
from .load import Image
from .models.card import ModelCard, top_count
from .models.loading import Model
from .passes import coarse_scales, passes
from .refine import at_picture_resolution, refine
from .settings import HeatmapSettings, StageSettings
from .threshold import Mask, threshold


@dataclass(frozen=True)
class Result:
    """The results of the stages for one picture.

    Attributes:
        image: the upright picture.
        heatmap: at map resolution, or at picture resolution if it was refined.
        mask: on the grid of the heatmap; with `boxes.fill`, one cell per pixel of the picture.
        boxes: in pixels of the upright picture.
        seconds: wall time of each stage.
    """

    image: Image
    heatmap: Heatmap
    mask: Mask
    boxes: Boxes
    seconds: dict[str, float]


def localize_image(
    image: Image,
    model: Model,
    settings: StageSettings,
    *,
    features: Sequence[Features] | None = None,
    clock: Clock | None = None,
) -> Result:
    """Run infer, heatmap, threshold and boxes on a picture; refine and classify if configured.

    Args:
        image: the upright picture.
        model: the model that the settings are meant for.
        settings: what to do, for example a `Config`.
        features: the result of `features_of` for this picture. Settings that differ only after
            `infer` can share it. None: it is computed here.
        clock: measures the stages; None: a new one.

    Raises:
        ModelError: the model lacks something that the settings need; `ModelCard.supports` says so
            before.
        ConfigError: `refine.method: crf` without its package.
    """
    clock = clock or Clock()
    before = dict(clock.seconds)
    model = with_groups(model, settings.heatmap.groups)
    with clock.stage("infer"):
        if features is None:
            features = features_of(image, model, settings, weighed_at_once(model.card, settings))
    with clock.stage("heatmap"):
        heat = _heat(model, features, settings.heatmap)
    named_by = features if _is_recognition(model.card, settings.heatmap) else None
    del features  # for a large picture, hundreds of megabytes
    with clock.stage("threshold"):
        if settings.refine.method != "none":
            heat = at_picture_resolution(heat)
        mask = threshold(
            heat, connectivity=settings.boxes.connectivity, **settings.threshold.model_dump()
        )
    if settings.refine.method != "none":
        with clock.stage("refine"):
            mask = refine(image.rgb, heat, mask, **settings.refine.model_dump())
    with clock.stage("boxes"):
        boxes = find_boxes(mask, heat, rgb=image.rgb, **settings.boxes.options())
        if named_by is not None:
            boxes = named(model, named_by, boxes)
        if settings.boxes.fill:
            mask = _insides(boxes, mask)
    if settings.boxes.classify:
        with clock.stage("classify"):
            boxes = classify(model, image.rgb, boxes, polarities=settings.infer.polarities)
    seconds = {name: total - before.get(name, 0) for name, total in clock.seconds.items()}
    return Result(image, heat, mask, boxes, {n: s for n, s in seconds.items() if s})


def open_engine(model: Model, settings: StageSettings, threads: int) -> str:
    """Open the engine of a model, so that errors show before the first picture.

    Returns:
        The name of the engine, and of the device if it is not the processor.

    Raises:
        ConfigError: the engine is asked for by name, but is not installed or cannot do this.
        ModelError: the engine cannot run the network.
    """
    found = opened(model, way_of(settings), threads)
    return found.name if found.device == "cpu" else f"{found.name} on {found.device}"


def features_of(
    image: Image, model: Model, settings: StageSettings, labels: Sequence[str] = ()
) -> list[Features]:
    """Return the filter responses of a picture at every scale and polarity.

    With `labels`, they are weighed at once, and only the maps of these labels are kept.
    """
    options, heat = settings.infer, settings.heatmap
    weighing = heat.model_dump(include={"weights", "group", "normalize"})
    found = []
    coarse = coarse_scales(options, image.width, image.height)
    for scale, polarity in passes(options, image.width, image.height):
        shown = options.resolution, polarity, scale
        one = infer(
            model,
            image.rgb,
            resolution=options.resolution,
            scale=scale,
            polarity=polarity,
            padding=options.padding,
            precision=options.precision,
            engine=options.engine,
            device=options.device,
            windows=heat.weights == "classifier",
            weigh=weigher(model, labels, shown, **weighing) if labels else None,
        )
        found.append(replace(one, labels=tuple(labels), coarse=scale in coarse))
    return found


def weighed_at_once(card: ModelCard, settings: StageSettings) -> tuple[str, ...]:
    """Return the labels whose maps are kept instead of F; none if names need all of F."""
    return () if _is_recognition(card, settings.heatmap) else card.labels(settings.heatmap)


def _insides(boxes: Boxes, mask: Mask) -> Mask:
    """Return the pixels inside boxes. Where labels overlap, the best score has the pixel."""
    labels, picture = mask.labels, mask.grid.picture
    by_score = sorted(boxes.items, key=lambda box: box.score)
    shapes = ((labels.index(box.label), box.polygon, box.rect) for box in by_score)
    values = filled(shapes, len(labels), picture)
    return Mask(values, labels, Grid.of_pixels(picture), (None,) * len(labels))


def _heat(model: Model, features: Sequence[Features], options: HeatmapSettings) -> Heatmap:
    heat = heatmap(
        model,
        features,
        labels=chosen(model, features, model.card.labels(options)),
        **options.model_dump(exclude={"labels", "groups", "min_probability"}),
    )
    return darkened(model, features, heat, options.min_probability)


def _is_recognition(card: ModelCard, options: HeatmapSettings) -> bool:
    """Say whether labels are chosen by the classes that the whole picture shows."""
    by_picture = any(top_count(label) is not None for label in card.labels(options))
    is_classifier = card.backbone is not None or card.module is not None
    return is_classifier or by_picture or options.min_probability > 0
