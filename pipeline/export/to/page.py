"""PAGE XML 2019-07-15 (PRImA), as kraken, OCR-D, eScriptorium and Transkribus read it.

There is one text region per block. Regions and their lines stand in reading order, each line with a
baseline and its words. Coordinates are those of the upright page: kraken applies the EXIF orientation when it opens
the picture.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from ...output.box_json import Page
from ..format import Format
from ..lines import Line, blocks_of
from ..markup import add, fits, points, serialized
from ..source import Content, PageSource, picture_beside

NAMESPACE: Final = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
DIRECTIONS: Final = {
    "ltr": ("left-to-right", "top-to-bottom"),
    "rtl": ("right-to-left", "top-to-bottom"),
    "ttb": ("top-to-bottom", "right-to-left"),
}
"""The directions of words and of lines in PAGE, by the direction of a block."""
EPOCH: Final = "1970-01-01T00:00:00Z"
"""PAGE requires a time of creation. It is constant, so that runs give the same bytes."""


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:
    """Return the XML of a page, and a copy of the picture if other programs need one."""
    picture, beside = picture_beside(page, source, folder, fits)
    return {**beside, f"{page.name}.xml": document(page, picture)}


def document(page: Page, picture: str) -> bytes:
    """Return the XML of a page; `picture` is the name of the picture, relative to the XML."""
    root = ET.Element("PcGts", xmlns=NAMESPACE)
    metadata = add(root, "Metadata")
    add(metadata, "Creator", "locpipe")
    add(metadata, "Created", EPOCH)
    add(metadata, "LastChange", EPOCH)
    sheet = add(root, "Page", imageFilename=picture, imageWidth=page.width, imageHeight=page.height)
    blocks = blocks_of(page, {})
    if blocks:
        order = add(add(sheet, "ReadingOrder"), "OrderedGroup", id="order")
        for number in range(len(blocks)):
            add(order, "RegionRefIndexed", index=number, regionRef=f"region-{number}")
    index = count()
    for number, block in enumerate(blocks):
        reading, order_of_lines = DIRECTIONS[block.direction]
        region = add(
            sheet,
            "TextRegion",
            id=f"region-{number}",
            readingDirection=reading,
            textLineOrder=order_of_lines,
        )
        left, top, right, bottom = block.rect
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        add(region, "Coords", points=points(corners))
        for line in block.lines:
            _add_line(region, line, next(index))
    return serialized(root)


def _add_line(region: ET.Element, line: Line, index: int) -> None:
    element = add(region, "TextLine", id=f"line-{index}")
    add(element, "Coords", points=points(line.polygon))
    add(element, "Baseline", points=points(line.baseline))
    for word in line.words:
        part = add(element, "Word", id=f"word-{word.index}")
        add(part, "Coords", points=points(word.polygon), conf=f"{word.box.score:.4f}")
        add(add(part, "Labels"), "Label", value=word.box.label)


FORMAT: Final = Format(files, suffixes=(".xml", ".png"))
