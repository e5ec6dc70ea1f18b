"""Checks from the header of a picture whether a worker has enough memory for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...stages.decoding.huge import LARGEST_AT_ONCE
from ...stages.engines.choice import way_of
from ...stages.errors import ImageError
from ...stages.infer import bytes_needed, shown_size
from ...stages.localize import weighed_at_once
from ...stages.passes import scales
from ...stages.paths import name_of

if TYPE_CHECKING:
    from pathlib import Path

    from ...stages.load import Header
    from ...stages.models.loading import Model
    from ..config.sections import Config

_COPIES = 2  # copies of the maps of labels
_PER_CELL = 20  # bytes, while components are found on one map
_PER_CELL_COARSE = 36  # bytes, while large letters are added to the map


def check_memory(path: Path, header: Header, model: Model, config: Config, memory: int) -> None:
    """Check that there is enough memory for a page.

    Args:
        path: the picture.
        header: header of the page.
        model: the model that runs.
        config: the settings.
        memory: memory of the worker, in bytes.

    Raises:
        ImageError: there is too little; the message says what to change.
    """
    needed = memory_needed(model, header, config)
    if needed <= memory:
        return
    side = _side_that_fits(header, model, config, memory)
    msg = (
        f"{name_of(path)}: {header.width} x {header.height} pixels need about "
        f"{needed / 2**30:.1f} GiB, a worker has {memory / 2**30:.1f} GiB{_why_whole(model)}; "
        f"{f'set infer.long_side={side}, ' if side else ''}use fewer run.workers, or raise "
        "run.memory_limit"
    )
    error = ImageError(msg)
    error.needs = needed
    raise error


def memory_needed(model: Model, header: Header, config: Config) -> int:
    """Return an estimate, in bytes, of the memory that a picture of that size takes in a worker.

    The maps of every scale and polarity are kept until they are joined. Joining copies them.
    """
    at_once = []
    kept = outlined = 0
    labels = len(weighed_at_once(model.card, config))
    per_cell = _PER_CELL if config.infer.coarse == "none" else _PER_CELL_COARSE
    for scale in scales(config.infer, header.width, header.height):
        peak, maps = bytes_needed(
            model,
            *shown_size(header.width, header.height, scale),
            way_of(config),
            padding=config.infer.padding,
            labels=labels,
        )
        at_once.append(peak)
        kept += _COPIES * maps * len(config.infer.polarities)
        if labels:
            outlined = max(outlined, per_cell * maps // (4 * labels))
    # Heat, mask and refined mask of every label, and temporary arrays for one label.
    count = model.card.count_of_maps(config.heatmap)
    refined = 0 if config.refine.method == "none" else 6 * count + 32
    filled = count if config.boxes.fill else 0
    of_pixels = (
        3 if header.megapixels > LARGEST_AT_ONCE else 8 + filled
    )  # larger arrays lie in files
    return max(*at_once, outlined) + kept + (of_pixels + refined) * header.width * header.height


def _why_whole(model: Model) -> str:
    from ...stages.nets.dense import global_steps  # noqa: PLC0415 - imports torch; only a refusal asks

    steps = global_steps(model.network.features)
    if not steps:
        return ""
    return (
        f". It cannot be shown to {model.card.name} in parts, as that net looks at the whole "
        f"picture at once (in {len(steps)} places, the first is {steps[0]})"
    )


def _side_that_fits(header: Header, model: Model, config: Config, memory: int) -> int:
    """Return a long side, in pixels, that fits into the memory; 0: none fits."""
    whole = max(header.width, header.height)
    for side in (whole * percent // 100 for percent in range(95, 0, -5)):
        infer = config.infer.model_copy(update={"long_side": max(1, side)})
        if memory_needed(model, header, config.model_copy(update={"infer": infer})) <= memory:
            return side
    return 0
