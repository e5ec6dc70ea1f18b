"""From pixels of the upright page to those of the stored one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...stages.boxes import Point
    from ..output.box_json import Page

__all__ = ["Rect", "as_stored", "rect_as_stored"]

Rect = tuple[int, int, int, int]

# EXIF 2.3, table 6: x, y upright, with the width and height upright.
_AS_STORED: Final[dict[int, Callable[[float, float, int, int], Point]]] = {
    1: lambda x, y, w, h: (x, y),  # noqa: ARG005 - all have the same
    2: lambda x, y, w, h: (w - x, y),  # noqa: ARG005
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, w, h: (x, h - y),  # noqa: ARG005
    5: lambda x, y, w, h: (y, x),  # noqa: ARG005
    6: lambda x, y, w, h: (y, w - x),  # noqa: ARG005
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (h - y, x),  # noqa: ARG005
}


def as_stored(point: Point, page: Page) -> Point:
    """Return where a point of the upright page lies on the page as its file holds it."""
    return _AS_STORED[page.exif_orientation](*point, page.width, page.height)


def rect_as_stored(rect: Rect, page: Page) -> Rect:
    """The same for a rectangle: left, top, right, bottom."""
    (x0, y0), (x1, y1) = (as_stored(corner, page) for corner in (rect[:2], rect[2:]))
    return int(min(x0, x1)), int(min(y0, y1)), int(max(x0, x1)), int(max(y0, y1))
