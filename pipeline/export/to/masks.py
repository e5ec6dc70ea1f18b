"""Masks for inpainting and redaction: `<picture>.png`, white where text is to go, in the stored frame.

OpenCV's `inpaint` takes 8 bits as they are. IOPaint takes a folder of pictures and one of masks of the same
names. The boxes are wider than their text by a share of its height, so that no halo stays.
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

DILATION: Final = 0.15
"""Of the height of a box, on every side."""


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the mask of a page; it is black where there is no box."""
    _, encoded = cv2.imencode(".png", mask(page))
    return {f"{page.name}.png": encoded.tobytes()}


def mask(page: Page) -> NDArray[np.uint8]:
    """Return the mask, uint8 [stored height, stored width], 0 or 255."""
    width, height = page.stored_size
    pixels = np.zeros((height, width), np.uint8)
    for box in page.boxes:
        corners = points_as_stored(np.array(box.polygon), page.exif_orientation, page.stored_size)
        # The origin of OpenCV is the centre of the first pixel; four bits are fractions.
        fixed = np.round((np.asarray(corners, np.float64) - 0.5) * 16).astype(np.int32)
        wide = 2 * DILATION * min(sides(quad_of(box.polygon)))
        cv2.fillPoly(pixels, [fixed], 255, shift=4)
        cv2.polylines(
            pixels, [fixed], isClosed=True, color=255, thickness=max(1, round(wide)), shift=4
        )
    return pixels


FORMAT: Final = Format(files, suffixes=(".png",))
