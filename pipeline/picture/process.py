"""One picture file, from its bytes to its results on disk."""

from __future__ import annotations

import hashlib
import os
import stat
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ...stages.errors import ImageError
from ...stages.load import load, probe
from ...stages.models.card import Backbone
from ..output import atomic, layout
from ..output.box_json import Maker, box_document, page_of, page_of_result, read_kept
from ..workers.messages import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...stages.load import Header
    from ...stages.models.loading import Model
    from ..workers.messages import Job, Task
    from .localize import Result

__all__ = ["Bench", "stage_of"]

STAGES_PACKAGE: Final = load.__module__.rpartition(".")[0] + "."


@dataclass
class Bench:
    """A model, settings, and the memory there is to work with, in bytes."""

    job: Job
    model: Model
    memory: int

    def localize(self, task: Task) -> Outcome:
        """Find what is on every page of a file and write it, unless that has been done.

        Raises:
            ImageError: the picture cannot be read, or is too large.
            OutputError: results cannot be written.
        """
        path = Path(task.path)
        sha256 = _hash(path)
        pages = probe(path).pages
        if not task.force:
            kept = self._kept(task.key, sha256, pages)
            if kept is not None:
                return Outcome(task.key, "kept", sha256, pages, kept)
        layout.remove_results(self.job.config.output.path, task.key)
        boxes = pixels = 0
        clock = _Clock()
        for page in range(1, pages + 1):
            result = self._localize_page(path, page, clock)
            with clock.measure("write"):
                self._write(result, path, task.key, sha256)
            boxes += len(result.boxes.items)
            pixels += result.image.width * result.image.height
        return Outcome(task.key, "done", sha256, pages, boxes, pixels, dict(clock.seconds))

    def _kept(self, key: str, sha256: str, pages: int) -> int | None:
        """Number of boxes, when all results of this very content, config and model are there."""
        boxes = 0
        for page in range(1, pages + 1):
            kept = read_kept(self.job.config.output, key, page)
            if kept is None or (kept.made_by, kept.sha256) != (self._maker, sha256):
                return None
            boxes += len(kept.boxes)
        return boxes

    @property
    def _maker(self) -> Maker:
        return Maker(
            self.model.card.name
            if isinstance(self.job.model, Backbone)
            else Path(self.job.model).name,
            self.job.model_sha256,
            self.job.config_sha256,
        )

    def _localize_page(self, path: Path, page: int, clock: _Clock) -> Result:
        import torch  # noqa: PLC0415 - slow to import, and not for the parent

        from .localize import localize  # noqa: PLC0415 - imports torch

        config = self.job.config
        self._check_memory(path, page)
        with clock.measure("load"):
            image = load(
                path,
                page=page,
                background=config.input.background,
                max_megapixels=config.input.max_megapixels,
            )
        # Here, not once: OpenMP keeps the number of threads by thread.
        torch.set_num_threads(config.run.threads)
        cv2.setNumThreads(1)
        result = localize(image, self.model, config)
        for stage, seconds in result.seconds.items():
            clock.seconds[stage] += seconds
        return result

    def _check_memory(self, path: Path, page: int) -> None:
        from .localize import memory_needed  # noqa: PLC0415 - imports torch

        header = probe(path, page=page)
        if header.megapixels > self.job.config.input.max_megapixels:
            return  # for that, `load` has the better message
        needed = memory_needed(self.model, header, self.job.config)
        if needed > self.memory:
            raise ImageError(self._too_large(path, header, needed))

    def _too_large(self, path: Path, header: Header, needed: int) -> str:
        from ...stages.nets.dense import global_steps  # noqa: PLC0415 - imports torch

        steps = global_steps(self.model.network.features)
        parts = (
            f". It cannot be shown to {self.model.card.name} in parts, as that net looks at the whole "
            f"picture at once (in {len(steps)} places, the first is {steps[0]})"
            if steps
            else ""
        )
        side = self._side_that_fits(header)
        return (
            f"{str(path)!r}: {header.width} x {header.height} pixels need about "
            f"{needed / 2**30:.1f} GiB, a worker has {self.memory / 2**30:.1f} GiB{parts}; "
            f"{f'set infer.long_side={side}, ' if side else ''}use fewer run.workers, or raise "
            "run.memory_limit"
        )

    def _side_that_fits(self, header: Header) -> int:
        """Return a long side that there is memory for, in pixels, 0 if there is none."""
        from .localize import memory_needed  # noqa: PLC0415 - imports torch

        config, whole = self.job.config, max(header.width, header.height)
        for side in (whole * percent // 100 for percent in range(95, 0, -5)):
            infer = config.infer.model_copy(update={"long_side": max(1, side)})
            shrunk = config.model_copy(update={"infer": infer})
            if memory_needed(self.model, header, shrunk) <= self.memory:
                return side
        return 0

    def _write(self, result: Result, path: Path, key: str, sha256: str) -> None:
        from ..output.pictures import heatmap_pixels, mask_pixels, overlay_pixels  # noqa: PLC0415 - the same

        output = self.job.config.output
        page = result.image.page
        if output.masks:
            self._write_picture("masks", key, page, mask_pixels(result))
        if output.overlays:
            self._write_picture(
                "overlays", key, page, cv2.cvtColor(overlay_pixels(result), cv2.COLOR_RGB2BGR)
            )
        if output.heatmaps:
            self._write_picture("heatmaps", key, page, heatmap_pixels(result))
        found = page_of_result(result, key, sha256, self._maker)
        document = box_document(found, dropped=result.boxes.dropped)
        self._export(result, path, document)
        atomic.write_json(
            output.path, layout.result_path(output.path, "boxes", key, page), document
        )

    def _export(self, result: Result, path: Path, document: dict[str, object]) -> None:
        output = self.job.config.output
        if output.exports:
            from ..export.source import Source  # noqa: PLC0415 - the same
            from ..export.write import export_page  # noqa: PLC0415 - the same
            from ..output.pictures import mask_pixels  # noqa: PLC0415 - the same

            page = page_of(document, str(path))
            source = Source(
                path.absolute(),
                lambda: result.image.rgb,
                lambda: mask_pixels(result) if output.masks else None,
            )
            for name in output.exports:
                export_page(output.path, name, page, source)

    def _write_picture(self, kind: str, key: str, page: int, pixels: NDArray[np.generic]) -> None:
        path = layout.result_path(self.job.config.output.path, kind, key, page)
        _, encoded = cv2.imencode(layout.KINDS[kind], np.ascontiguousarray(pixels))
        atomic.write_atomically(self.job.config.output.path, path, encoded.tobytes())


class _Clock:
    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - started


def stage_of(error: Exception) -> str:
    """The stage that an error came out of."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals["__name__"]
        if module.startswith(STAGES_PACKAGE):
            return str(module.removeprefix(STAGES_PACKAGE)).partition(".")[0]
        if module in {atomic.__name__, layout.__name__}:
            return "write"
    return "load"


def _hash(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # a folder comes this far only when it could not be listed
        if not stat.S_ISREG(mode):
            msg = f"{str(path)!r}: is not a file; give pictures as files"
            raise ImageError(msg)
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        msg = (
            f"{str(path)!r}: cannot be read ({error.strerror}); check that it is there and readable"
        )
        raise ImageError(msg) from error
