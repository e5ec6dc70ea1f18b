"""XML that any parser reads, whatever text goes in."""

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

# XML 1.0, production 2. Lone surrogates stand for bytes that are not UTF-8.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return text; characters that XML forbids are replaced."""
    return _FORBIDDEN.sub("\ufffd", text)


def fits(name: str) -> bool:
    """Say whether XML keeps a file name: no forbidden character, no white space but blanks."""
    return not _FORBIDDEN.search(name) and not re.search(r"[\t\n\r]|^ | $", name)


def add(parent: ET.Element, tag: str, text: str = "", /, **attributes: object) -> ET.Element:
    """Add an element, with text and attributes cleaned; `class_` is the attribute class."""
    given = {name.rstrip("_"): clean(str(value)) for name, value in attributes.items()}
    element = ET.SubElement(parent, tag, given)
    if text:
        element.text = clean(text)
    return element


def points(polygon: Iterable[tuple[int, int]]) -> str:
    """Return `x,y x,y …`, as PAGE and ALTO write polygons."""
    return " ".join(f"{x},{y}" for x, y in polygon)


def serialized(root: ET.Element, doctype: str = "") -> bytes:
    """Return the document, indented, in UTF-8; with a doctype, HTML parsers can read it too."""
    ET.indent(root)
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}'
    # HTML parsers read <span/> as an opening tag.
    body = ET.tostring(root, encoding="unicode", short_empty_elements=not doctype)
    return (head + body + "\n").encode("utf-8")
