"""The results of one page, from the stages to the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ...stages.scratch import lies_in_file
from ..output.atomic import write_atomically, write_json
from ..output.layout import KINDS, result_path
from ..output.pictures import heatmap_pixels, mask_pixels, overlay_pixels
from ..output.png import grey_png

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ...stages.localize import Result
    from ..config.sections import OutputConfig


def write_pictures(output: OutputConfig, key: str, result: Result) -> None:
    """Write the mask, overlay and heatmap of a page, those of them that are wanted.

    Raises:
        ImageError: the name of a file would be too long.
        OutputError: results cannot be written.
    """
    page = result.image.page
    if output.masks:
        _write_picture(output, "masks", key, page, mask_pixels(result))
    if output.overlays:
        bgr = np.asarray(cv2.cvtColor(overlay_pixels(result), cv2.COLOR_RGB2BGR), np.uint8)
        _write_picture(output, "overlays", key, page, bgr)
    if output.heatmaps:
        _write_picture(output, "heatmaps", key, page, heatmap_pixels(result))


def _write_picture(
    output: OutputConfig, kind: str, key: str, page: int, pixels: NDArray[np.uint8]
) -> None:
    if lies_in_file(pixels):
        content = grey_png(pixels)
    else:
        content = cv2.imencode(KINDS[kind], np.ascontiguousarray(pixels))[1].tobytes()
    write_atomically(output.path, result_path(output.path, kind, key, page), content)


def write_document(
    output: OutputConfig, key: str, page: int, document: Mapping[str, object]
) -> None:
    """Write the box JSON of a page, last of all its results, since it vouches for the others.

    Raises:
        ImageError: the name of the file would be too long.
        OutputError: results cannot be written.
    """
    write_json(output.path, result_path(output.path, "boxes", key, page), document)
