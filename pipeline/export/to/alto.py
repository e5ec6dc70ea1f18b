"""ALTO 4.3 (Library of Congress), as kraken and libraries' viewers read it.

Text blocks and their lines stand in reading order. There is a baseline per line and a string per box;
the string is empty if no text was read. Coordinates are those of the upright page: kraken applies
the EXIF orientation when it opens the picture.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from ...output.box_json import Page
from ..format import Format
from ..lines import Line, Reading, Rect, Word, blocks_of
from ..markup import add, fits, points, serialized
from ..source import Content, PageSource, picture_beside

NAMESPACE: Final = "http://www.loc.gov/standards/alto/ns-v4#"
LOCATION: Final = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:
    """Return the XML of a page, and a copy of the picture if other programs need one."""
    picture, beside = picture_beside(page, source, folder, fits)
    return {**beside, f"{page.name}.xml": document(page, picture, {})}


def document(page: Page, picture: str, readings: Mapping[int, Reading]) -> bytes:
    """Return the XML of a page; `readings` are by index of the box.

    `picture` is the name of the picture, relative to the XML.
    """
    root = ET.Element("alto", xmlns=NAMESPACE)
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:schemaLocation", f"{NAMESPACE} {LOCATION}")
    description = add(root, "Description")
    add(description, "MeasurementUnit", "pixel")
    add(add(description, "sourceImageInformation"), "fileName", picture)
    tags = _add_tags(root, page)
    size = {"WIDTH": page.width, "HEIGHT": page.height}
    sheet = add(add(root, "Layout"), "Page", ID="page", PHYSICAL_IMG_NR=page.page, **size)
    space = add(sheet, "PrintSpace", HPOS=0, VPOS=0, **size)
    index = count()
    for number, block in enumerate(blocks_of(page, readings)):
        element = add(
            space,
            "TextBlock",
            ID=f"block-{number}",
            BASEDIRECTION=block.direction,
            **_place(block.rect),
        )
        for line in block.lines:
            _add_line(element, line, next(index), tags)
    return serialized(root)


def _add_tags(root: ET.Element, page: Page) -> dict[str, str]:
    """Declare the labels of the boxes, and return their IDs."""
    labels = sorted({box.label for box in page.boxes})
    ids = {label: f"label-{index}" for index, label in enumerate(labels)}
    if ids:
        tags = add(root, "Tags")
        for label, id_ in ids.items():
            add(tags, "OtherTag", ID=id_, TYPE="label", LABEL=label)
    return ids


def _add_line(block: ET.Element, line: Line, index: int, tags: Mapping[str, str]) -> None:
    element = add(block, "TextLine", ID=f"line-{index}", BASELINE=points(line.baseline), **_place(line.rect))  # fmt: skip
    add(add(element, "Shape"), "Polygon", POINTS=points(line.polygon))
    for position, word in enumerate(line.words):
        if position:
            add(element, "SP")
        _add_word(element, word, tags[word.box.label])


def _add_word(line: ET.Element, word: Word, tag: str) -> None:
    text = "" if word.reading is None else word.reading.text
    confidence = {} if word.reading is None else {"WC": f"{word.reading.confidence:.4f}"}
    place = _place(word.rect)
    element = add(line, "String", ID=f"word-{word.index}", TAGREFS=tag, CONTENT=text, **confidence, **place)  # fmt: skip
    add(add(element, "Shape"), "Polygon", POINTS=points(word.polygon))


def _place(rect: Rect) -> dict[str, int]:
    left, top, right, bottom = rect
    return {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}


FORMAT: Final = Format(files, suffixes=(".xml", ".png"))
