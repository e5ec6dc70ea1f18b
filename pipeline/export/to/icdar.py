"""The result format of ICDAR's text localisation: `x1,y1,x2,y2,x3,y3,x4,y4` per line.

These are integers, clockwise from the top-left corner in reading direction, upright page. A curved
word becomes its smallest rectangle.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ...output.box_json import Page
from ..crops import quad_of
from ..format import Format
from ..source import Content, PageSource


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:  # noqa: ARG001 - of all formats
    """Return the text file of a page; it is empty if there is no box."""
    lines = []
    for box in page.boxes:
        corners = quad_of(box.polygon).round().clip(0, (page.width, page.height)).astype(int)
        lines.append(",".join(map(str, corners.ravel().tolist())) + "\n")
    return {f"{page.name}.txt": "".join(lines).encode("ascii")}


FORMAT: Final = Format(files, suffixes=(".txt",), tells_direction=False)
