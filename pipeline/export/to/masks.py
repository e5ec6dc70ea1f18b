"""Masks for inpainting and redaction: `<stem>.png`, white where text must go, in the stored frame.

OpenCV's `inpaint` and IOPaint accept them. They are wider than the boxes by a share of the height
of the text, so that no halo remains.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ....stages.decoding.orientation import points_as_stored
from ....stages.geometry.rectangles import sides
from ...output.box_json import Page
from ..crops import quad_of
from ..format import Format
from ..source import Content, PageSource


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the mask of a page; without boxes it is black."""
    one_bit = [cv2.IMWRITE_PNG_BILEVEL, 1] if source.masks.bits == 1 else []
    _, encoded = cv2.imencode(".png", mask(page, source.masks.dilation), one_bit)
    return {f"{page.name}.png": encoded.tobytes()}


def mask(page: Page, dilation: float) -> NDArray[np.uint8]:
    """Return the mask, uint8 [stored height, stored width], 0 or 255.

    It extends beyond each box by `dilation` on every side, in heights of the text (the shorter side
    of the box).
    """
    width, height = page.stored_size
    pixels = np.zeros((height, width), np.uint8)
    for box in page.boxes:
        corners = points_as_stored(np.array(box.polygon), page.exif_orientation, page.stored_size)
        # The origin of OpenCV is the centre of the first pixel; four bits are fractions.
        fixed = np.round((np.asarray(corners, np.float64) - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(pixels, [fixed], 255, shift=4)
        wide = round(2 * dilation * min(sides(quad_of(box.polygon))))
        if wide:
            cv2.polylines(pixels, [fixed], isClosed=True, color=255, thickness=wide, shift=4)
    return pixels


FORMAT: Final = Format(files, suffixes=(".png",), by_stem=True)
