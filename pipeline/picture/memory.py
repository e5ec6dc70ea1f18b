"""Whether a worker has the memory that a picture needs, told from its header."""

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

_COPIES = 2  # of the maps of labels
_PER_CELL = 20  # bytes, while components are found on one map
_PER_CELL_COARSE = 36  # while large letters are put into it


def check_memory(path: Path, header: Header, model: Model, config: Config, memory: int) -> None:
    """See that there is enough memory for a page.

    Args:
        path: of the picture.
        header: of the page.
        model: to run on it.
        config: how.
        memory: of the worker, in bytes.

    Raises:
        ImageError: there is not; the message says what to change.
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
    """Return an estimate, in bytes, of what a picture of that size takes in a worker.

    The maps of every scale and polarity are kept until they are joined, which copies them.
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
    # Heat, mask and refined mask of every label, and temporary arrays of one.
    count = model.card.count_of_maps(config.heatmap)
    refined = 0 if config.refine.method == "none" else 6 * count + 32
    filled = count if config.boxes.fill else 0
    of_pixels = 3 if header.megapixels > LARGEST_AT_ONCE else 8 + filled  # else they lie in files
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
    """Return a long side that there is memory for, in pixels, 0 if there is none."""
    whole = max(header.width, header.height)
    for side in (whole * percent // 100 for percent in range(95, 0, -5)):
        infer = config.infer.model_copy(update={"long_side": max(1, side)})
        if memory_needed(model, header, config.model_copy(update={"infer": infer})) <= memory:
            return side
    return 0
