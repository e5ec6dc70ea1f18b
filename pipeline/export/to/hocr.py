"""hOCR 1.2: lines and words of the upright page for viewers, with text if it was read.

Browsers show pictures upright, so the boxes fit what they show.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from ...output.box_json import Page
from ..format import Format
from ..lines import Line, Reading, Rect, blocks_of
from ..markup import add, fits, serialized
from ..source import Content, PageSource, picture_beside

DOCTYPE: Final = "<!DOCTYPE html>\n"
DIRECTIONS: Final[dict[str, dict[str, str]]] = {
    "ltr": {"dir": "ltr"},
    "rtl": {"dir": "rtl"},
    "ttb": {"dir": "ltr", "style": "writing-mode: vertical-rl"},
}
"""The `dir` of HTML by the direction of a block."""
CAPABILITIES: Final = "ocr_page ocr_carea ocr_line ocrx_word"


def files(page: Page, source: PageSource, folder: Path) -> Mapping[str, Content]:
    """Return the hOCR of a page, and a copy of the picture if other programs need one."""
    picture, beside = picture_beside(page, source, folder, _fits)
    return {**beside, f"{page.name}.hocr": document(page, picture, {})}


def document(page: Page, picture: str, readings: Mapping[int, Reading]) -> bytes:
    """Return the hOCR of a page; `readings` are by index of the box, `picture` is relative."""
    root = ET.Element("html", xmlns="http://www.w3.org/1999/xhtml", lang="und")
    head = add(root, "head")
    add(head, "title", page.name)
    add(head, "meta", charset="utf-8")
    add(head, "meta", name="ocr-system", content="locpipe")
    add(head, "meta", name="ocr-capabilities", content=CAPABILITIES)
    title = f'image "{picture}"; {_bbox((0, 0, page.width, page.height))}; ppageno {page.page - 1}'
    sheet = add(add(root, "body"), "div", class_="ocr_page", id="page", title=title)
    index = count()
    for number, block in enumerate(blocks_of(page, readings)):
        area = add(
            sheet,
            "div",
            class_="ocr_carea",
            id=f"area-{number}",
            title=_bbox(block.rect),
            **DIRECTIONS[block.direction],
        )
        for line in block.lines:
            _add_line(area, line, next(index))
    return serialized(root, DOCTYPE)


def _add_line(area: ET.Element, line: Line, index: int) -> None:
    element = add(area, "span", class_="ocr_line", id=f"line-{index}", title=_bbox(line.rect))
    for word in line.words:
        title, text = _bbox(word.rect), ""
        if word.reading is not None:
            title += f"; x_wconf {round(100 * word.reading.confidence)}"
            text = word.reading.text
        add(element, "span", text, class_="ocrx_word", id=f"word-{word.index}", title=title)


def _bbox(rect: Rect) -> str:
    return "bbox " + " ".join(map(str, rect))


def _fits(name: str) -> bool:
    """Say whether a name can stand in the quotes of a property, where nothing can be escaped."""
    return fits(name) and '"' not in name and "\\" not in name


FORMAT: Final = Format(files, suffixes=(".hocr", ".png"))
