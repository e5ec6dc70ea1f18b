"""Writes the results of one page."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ...stages.errors import ImageError
from ...stages.scratch import lies_in_file
from ..output.atomic import write_atomically, write_json
from ..output.layout import KINDS, result_path, without_picture
from ..output.pictures import heatmap_pixels, mask_pixels, overlay_pixels
from ..output.png import grey_png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ...stages.clock import Clock
    from ...stages.localize import Result
    from ..config.sections import OutputConfig

_NO_MEMORY: Final = -4
"""Error code of OpenCV: StsNoMem."""


def write_pictures(
    output: OutputConfig,
    key: str,
    result: Result,
    clock: Clock,
    write: Callable[[Path, Path, bytes], object] = write_atomically,
) -> None:
    """Write the mask, overlay and heatmap of a page, as the config asks for them.

    Each is a stage of its own, so that an error names it. `write` gets the output, the path of a
    file in it, and its content.

    Raises:
        ImageError: there is too little memory for a file, or its name would be too long.
        OutputError: results cannot be written.
    """
    if output.masks:
        with clock.stage("masks"), _memory_for("masks", key):
            write(*_file(output, "masks", key, result, mask_pixels(result)))
    if output.overlays:
        with clock.stage("overlays"), _memory_for("overlays", key):
            bgr = np.asarray(cv2.cvtColor(overlay_pixels(result), cv2.COLOR_RGB2BGR), np.uint8)
            write(*_file(output, "overlays", key, result, bgr))
    if output.heatmaps:
        with clock.stage("heatmaps"), _memory_for("heatmaps", key):
            write(*_file(output, "heatmaps", key, result, heatmap_pixels(result)))


def _file(
    output: OutputConfig, kind: str, key: str, result: Result, pixels: NDArray[np.uint8]
) -> tuple[Path, Path, bytes]:
    """Return the output, the path of a file in it, and its content."""
    if lies_in_file(pixels):
        content = grey_png(pixels)
    else:
        content = cv2.imencode(KINDS[kind], np.ascontiguousarray(pixels))[1].tobytes()
    return output.path, result_path(output.path, kind, key, result.image.page), content


@contextmanager
def _memory_for(kind: str, key: str) -> Iterator[None]:
    try:
        yield
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != _NO_MEMORY:
            raise
        advice = without_picture(kind)
        msg = f"{key!r}: there is no memory {advice}"
        raise ImageError(msg) from error


def write_document(
    output: OutputConfig, key: str, page: int, document: Mapping[str, object]
) -> None:
    """Write the box JSON of a page, the last of its results: if it is there, the others are.

    Raises:
        ImageError: the name of the file would be too long.
        OutputError: results cannot be written.
    """
    write_json(output.path, result_path(output.path, "boxes", key, page), document)
