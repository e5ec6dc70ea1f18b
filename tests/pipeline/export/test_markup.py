"""Whatever text goes in, XML comes out that a strict parser reads back."""

from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from locpipe.pipeline.export.markup import add, clean, fits, points, serialized

ANYTHING = st.text(st.characters(categories=None), max_size=40)


@given(text=ANYTHING)
@example("\x00\x0b\ud800\udcff\ufffe]]><!--&amp;'\"<b>")
def test_any_text_survives_as_far_as_xml_allows(text: str) -> None:
    root = ET.Element("root")
    add(root, "a", text, class_=text, WITH_BARS=text)
    read = etree.fromstring(serialized(root))
    assert read[0].get("class") == read[0].get("WITH_BARS") == clean(text)
    if text.strip():
        assert read[0].text == clean(text).replace("\r\n", "\n").replace("\r", "\n")


@given(name=ANYTHING)
def test_a_name_that_fits_is_read_back_unchanged(name: str) -> None:
    root = ET.Element("root")
    add(root, "a", name, name=name)
    read = etree.fromstring(serialized(root))[0]
    if fits(name):
        assert read.get("name") == name
        assert (read.text or "") == name


def test_names_that_xml_would_change_do_not_fit() -> None:
    for name in ("a\nb", "a\x01", "\udcff", " a", "a ", "a\tb"):
        assert not fits(name)
    for name in ("a b.png", "ü中.png", "<&\"'>.png"):
        assert fits(name)


def test_points_are_as_page_and_alto_want_them() -> None:
    assert points([(0, 1), (20, 3)]) == "0,1 20,3"


def test_a_document_says_its_encoding_and_type() -> None:
    text = serialized(ET.Element("html"), "<!DOCTYPE html>\n").decode()
    assert text == '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n<html></html>\n'
