"""PAGE, ALTO and hOCR: valid, in the right frame, and holding what was found and read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from PIL import Image, ImageOps
from run_fixtures import Export, ExportedSign, MakeRun

from locpipe.pipeline.export.lines import Reading
from locpipe.pipeline.export.to import alto, hocr, page
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.box_json import Page

Official = Callable[[str], etree.XMLSchema]

SCHEMAS = {"page": "page-2019-07-15.xsd", "alto": "alto-4-3.xsd"}
READINGS = {0: Reading("a<b>&\x01", 0.5), 2: Reading("zwei", 1.0)}


@pytest.fixture
def found(make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]) -> Page:
    (only,) = open_run(make_run({"a.png": (sign, 1, boxes)}) / "out").pages()
    return only


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_official_schema_is_kept_and_the_frame_is_upright(
    make_run: MakeRun,
    exported: Export,
    official: Official,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    name: str,
    orientation: int,
) -> None:
    run = make_run({"a.png": (sign, orientation, boxes), "none.png": (sign, orientation, [])})
    folder = exported(run, name) / name
    for file in folder.iterdir():
        official(SCHEMAS[name]).assertValid(etree.parse(file))
    text = (folder / "a.png.xml").read_text()
    assert "20,30 120,30 120,60 20,60" in text
    assert "../../../pictures/a.png" in text
    with Image.open(folder / "../../../pictures/a.png") as picture:
        assert ImageOps.exif_transpose(picture).size == (240, 120)


def test_text_that_was_read_is_kept_and_valid(official: Official, found: Page) -> None:
    document = alto.document(found, "a.png", READINGS)
    official(SCHEMAS["alto"]).assertValid(etree.fromstring(document))
    assert "a&lt;b&gt;&amp;\ufffd" in document.decode()
    assert "zwei" in document.decode()


def test_page_has_lines_with_baselines_words_and_labels(found: Page) -> None:
    root = etree.fromstring(page.document(found, "a.png"))
    space = {"p": page.NAMESPACE}
    assert len(root.findall(".//p:TextRegion/p:TextLine", space)) == 2
    assert len(root.findall(".//p:TextLine/p:Baseline", space)) == 2
    assert [word.get("id") for word in root.findall(".//p:Word", space)] == ["word-0", "word-1", "word-2"]  # fmt: skip
    confidences = root.xpath(".//p:Word/p:Coords/@conf", namespaces=space)
    assert confidences == [f"{box.score:.4f}" for box in found.boxes]
    labels = [label.get("value") for label in root.findall(".//p:Label", space)]
    assert labels == ["text", "<b>&\"'\ufffd", "text"]
    reference = root.find(".//p:RegionRefIndexed", space)
    assert reference is not None
    assert reference.get("regionRef") == "region-0"


def test_alto_has_lines_with_baselines_strings_and_labels(found: Page) -> None:
    root = etree.fromstring(alto.document(found, "a.png", READINGS))
    space = {"a": alto.NAMESPACE}
    lines = root.findall(".//a:TextBlock/a:TextLine", space)
    assert [len(line.findall("a:String", space)) for line in lines] == [2, 1]
    assert [len(line.findall("a:SP", space)) for line in lines] == [1, 0]
    assert all(line.get("BASELINE") for line in lines)
    place = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    (sheet,), (printed,) = root.findall(".//a:Page", space), root.findall(".//a:PrintSpace", space)
    assert [sheet.get(key) for key in place] == [None, None, "240", "120"]
    assert [printed.get(key) for key in place] == ["0", "0", "240", "120"]
    strings = root.findall(".//a:String", space)
    assert [string.get("CONTENT") for string in strings] == ["a<b>&\ufffd", "", "zwei"]
    assert [string.get("WC") for string in strings] == ["0.5000", None, "1.0000"]
    tags = {tag.get("ID"): tag.get("LABEL") for tag in root.findall(".//a:OtherTag", space)}
    labels = [tags[string.get("TAGREFS")] for string in strings]
    assert labels == ["text", "<b>&\"'\ufffd", "text"]
    first = strings[0]
    assert [first.get(key) for key in place] == ["20", "30", "100", "30"]


@pytest.mark.parametrize("orientation", [1, 6])
def test_hocr_has_upright_boxes_of_page_lines_and_words(
    exported_sign: ExportedSign, orientation: int
) -> None:
    root: Any = etree.parse(exported_sign("hocr", orientation) / "hocr" / "s" / "a.png.hocr")
    titles = {name: root.xpath(f"//*[@class='{name}']/@title") for name in ("ocr_page", "ocr_line", "ocrx_word")}  # fmt: skip
    assert titles["ocr_page"] == [
        'image "../../../../pictures/s/a.png"; bbox 0 0 240 120; ppageno 0'
    ]
    assert titles["ocrx_word"][0] == "bbox 20 30 120 60"
    assert (len(titles["ocr_line"]), len(titles["ocrx_word"])) == (2, 3)


def test_hocr_is_html_too(found: Page) -> None:
    root: Any = etree.HTML(hocr.document(found, "a.png", {}))
    lines = root.xpath("//*[@class='ocr_line']")
    assert [len(line.xpath("*[@class='ocrx_word']")) for line in lines] == [2, 1]


def test_hocr_has_what_was_read(found: Page) -> None:
    root: Any = etree.fromstring(hocr.document(found, "a.png", READINGS))
    first, second, _ = root.xpath("//*[@class='ocrx_word']")
    assert (first.text, first.get("title")) == ("a<b>&\ufffd", "bbox 20 30 120 60; x_wconf 50")
    assert (second.text, "x_wconf" in second.get("title")) == (None, False)


@pytest.mark.parametrize("name", ["hocr", "alto", "page"])
def test_a_name_or_a_label_makes_no_element(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]], name: str
) -> None:
    hostile = "\"'><img src=x onerror=alert(1)><!--&amp;]]>"
    boxes = [{**box, "label": hostile} for box in boxes]
    run = make_run({f"{hostile}.png": (sign, 1, boxes)})
    (file,) = (exported(run, name) / name).glob("*[!g]")
    for root in (etree.parse(file).getroot(), etree.HTML(file.read_bytes())):
        found = [element for element in root.iter() if isinstance(element.tag, str)]
        assert not [one for one in found if one.tag.endswith("img") or one.get("onerror")]


def test_blocks_are_regions_in_reading_order_with_their_directions(
    official: Official, found: Page
) -> None:
    first, second, third = found.boxes
    boxes = (
        replace(first, direction="rtl"),
        replace(second, line=1, block=1, direction="ttb"),
        replace(third, line=2, block=2),
    )
    blocks = replace(found, boxes=boxes)
    regions = etree.fromstring(page.document(blocks, "a.png"))
    official(SCHEMAS["page"]).assertValid(regions)
    space = {"p": page.NAMESPACE, "a": alto.NAMESPACE, "h": "http://www.w3.org/1999/xhtml"}
    assert regions.xpath("//p:RegionRefIndexed/@regionRef", namespaces=space) == [
        "region-0",
        "region-1",
        "region-2",
    ]
    directions = [
        (region.get("id"), region.get("readingDirection"), region.get("textLineOrder"))
        for region in regions.iter(f"{{{page.NAMESPACE}}}TextRegion")
    ]
    assert directions == [
        ("region-0", "right-to-left", "top-to-bottom"),
        ("region-1", "top-to-bottom", "right-to-left"),
        ("region-2", "left-to-right", "top-to-bottom"),
    ]
    layout = etree.fromstring(alto.document(blocks, "a.png", {}))
    official(SCHEMAS["alto"]).assertValid(layout)
    found_directions = layout.xpath("//a:TextBlock/@BASEDIRECTION", namespaces=space)
    assert found_directions == ["rtl", "ttb", "ltr"]
    html = etree.fromstring(hocr.document(blocks, "a.png", {}))
    areas = html.findall(".//h:div[@class='ocr_carea']", namespaces=space)
    assert [area.get("dir") for area in areas] == ["rtl", "ltr", "ltr"]
    assert [area.get("style") for area in areas] == [None, "writing-mode: vertical-rl", None]
    assert [len(area) for area in areas] == [1, 1, 1]
