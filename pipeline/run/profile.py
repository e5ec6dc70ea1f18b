"""`locpipe profile`: a few pictures in this process, measured; nothing is written."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from ...stages.clock import Clock
from ...stages.decoding.formats import count_pages
from ...stages.engines.choice import engine_used, way_of, yardsticks
from ...stages.engines.limits import computing_with
from ...stages.errors import ConfigError
from ...stages.infer import padded_size, shown_size
from ...stages.localize import open_engine
from ...stages.models.loading import find_model, load_model
from ...stages.passes import passes
from ...stages.precision import float32_only, precision_used
from ..output.fetch import Fetched
from ..picture.process import localize_page
from ..picture.write import write_pictures
from ..sources.members import readable
from ..workers import machine
from ..workers.cluster import share_of_memory, workers_of
from .advice import Circumstances, Pixels, Profile
from .options import Options
from .preflight import preflight

if TYPE_CHECKING:
    from ...stages.models.loading import Model
    from ...stages.settings import InferSettings
    from ..config.sections import Config
    from ..sources.pictures import Picture

    Size = tuple[int, int]  # width and height in pixels

log = logging.getLogger(__name__)


def measure(config: Config, limit: int) -> tuple[Profile | None, int]:
    """Process the first pictures as a worker of a run does, and measure it. Nothing is written.

    Args:
        config: what to do.
        limit: pictures at most.

    Returns:
        The measurements, or None if every page failed; and the number of failed pictures or pages.

    Raises:
        ConfigError: the source does not exist, or the config asks for something that the model does
            not have.
        ModelError: the model is missing or damaged.
    """
    ready = preflight(config, Options())
    config = ready.job.config
    machine.reuse_freed_memory()
    model = load_model(find_model(ready.job.model))
    engine = open_engine(model, config, config.run.threads)
    pictures = list(islice(ready.pictures, limit))
    start_up = time.process_time()
    with computing_with(config.run.threads, config.run.memory):
        sizes, seconds, failed = _do(pictures, model, config)
        if not sizes:
            return None, failed
        pixels = _pixels(sizes, model, config)
    peak = machine.peak_memory()  # before PyTorch is loaded, which may not be needed otherwise
    windows, threads = config.heatmap.weights == "classifier", config.run.threads
    macs, ceilings = yardsticks(model, config.infer.resolution, windows=windows, threads=threads)
    found = Profile(
        pages=len(sizes),
        seconds=seconds,
        start_up=start_up,
        pixels=pixels,
        macs=macs,
        engine=engine,
        precision="float32" if engine == "onnxruntime" else precision_used(config.infer.precision),
        settings=config.infer,
        threads=threads,
        peak=peak,
        circumstances=Circumstances(
            ceilings,
            machine.MEMORY,
            max(1, workers_of(config.run)),
            float32_only(),
            _onnxruntime(model, config),
        ),
    )
    return found, failed


def _do(
    pictures: Sequence[Picture], model: Model, config: Config
) -> tuple[list[Size], dict[str, float], int]:
    """Process pictures, and measure the pages that succeed.

    Returns:
        Their sizes, the seconds of each stage, and the number of pictures or pages that failed.
    """
    memory, most = share_of_memory(config.run), machine.resident_memory() + machine.KEPT
    sizes: list[Size] = []
    seconds: defaultdict[str, float] = defaultdict(float)
    failed = 0
    for picture in pictures:
        if picture.fault:
            log.warning("%r: %s", picture.key, picture.fault)
            failed += 1
            continue
        page = pages = 1
        while page <= pages:
            clock = Clock()
            try:
                folder = Path(gettempdir())
                with (
                    Fetched((), folder).at_hand(picture.path, Clock()) as file,
                    readable(file) as path,
                ):
                    pages = count_pages(path)
                    result = localize_page(path, page, model, config, memory, clock)
                write_pictures(config.output, picture.key, result, clock, write=_nowhere)
            except Exception as error:  # noqa: BLE001 - a bad picture does not end a run, either
                log.warning("%r, page %d: %s", picture.key, page, str(error) or repr(error))
                failed += 1
            else:
                sizes.append((result.image.width, result.image.height))
                for stage, took in clock.seconds.items():
                    seconds[stage] += took
            page += 1
        machine.return_freed_memory(most)
    return sizes, dict(seconds), failed


def _nowhere(output: Path, path: Path, content: bytes) -> None:
    """Write nothing."""


def _pixels(sizes: Sequence[Size], model: Model, config: Config) -> Pixels:
    infer = config.infer
    way = way_of(config)
    padded = sum(
        _area(padded_size(model, *shown, way, padding=infer.padding))
        for shown in _shown(infer, sizes)
    )
    plain: dict[str, dict[str, object]] = {
        f"infer.enlarge_to={infer.enlarge_to}": {"enlarge_to": None},
        f"infer.scale={list(infer.scale)}": {"scale": (1.0,)},
        f"infer.polarity={infer.polarity}": {"polarity": "normal"},
        f"infer.coarse={infer.coarse}": {"coarse": "none"},
    }
    without = {
        setting: sum(map(_area, _shown(infer.model_copy(update=update), sizes)))
        for setting, update in plain.items()
    }
    return Pixels(sum(map(_area, sizes)), sum(map(_area, _shown(infer, sizes))), padded, without)


def _shown(infer: InferSettings, sizes: Sequence[Size]) -> Iterator[Size]:
    """Yield the size of every pass through the network."""
    for width, height in sizes:
        for scale, _ in passes(infer, width, height):
            yield shown_size(width, height, scale)


def _area(size: Size) -> int:
    return size[0] * size[1]


def _onnxruntime(model: Model, config: Config) -> bool:
    """Say whether ONNX Runtime could run the network if the config asked for it."""
    with suppress(ConfigError):
        engine_used(model.card, replace(way_of(config), engine="onnxruntime", device="cpu"))
        return True
    return False
