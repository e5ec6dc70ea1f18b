import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.wsol.annotations import Thing, read_csv, read_voc, stem_of
from locpipe.stages.errors import ConfigError

KANGAROO = """<annotation><filename>a.jpg</filename>
<object><name>kangaroo</name><bndbox>
<xmin>1</xmin><ymin>11</ymin><xmax>100</xmax><ymax>{ymax}</ymax></bndbox></object>
<object><name>emu</name><part><name>head</name></part><bndbox>
<xmin> 5.5 </xmin><ymin>6</ymin><xmax>5.5</xmax><ymax>6</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "truth"


def table(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("horse001.jpg", "horse001"),
        ("train/horse001.PNG", "horse001"),
        ("train\\horse001.jpeg", "horse001"),
        ("a.v2.jpg", "a.v2"),
        ("a.v2", "a.v2"),
        ("plain", "plain"),
    ],
)
def test_a_picture_goes_by_its_stem(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_a_table_is_read_whatever_else_it_holds(file: Path) -> None:
    text = (
        "\ufeffxmax,ymin,image,xmin,note,ymax\n110,7,a.jpg,10.5,x,50\n9,2,a.jpg,1,y,8\n,,b.jpg,,,\n"
    )
    assert read_csv(table(file, text)) == {
        "a": [Thing("", (10.5, 7, 110, 50)), Thing("", (1, 2, 9, 8))],
        "b": [],
    }


def test_labels_come_with_boxes_or_alone(file: Path) -> None:
    both = "image,label,xmin,ymin,xmax,ymax\na.jpg,cat,0,0,5,5\na.jpg,dog,,,,\n"
    assert read_csv(table(file, both)) == {"a": [Thing("cat", (0, 0, 5, 5)), Thing("dog", None)]}
    alone = "image,label\na.jpg,cat\na.jpg,dog\nb.jpg,\n"
    assert read_csv(table(file, alone)) == {"a": [Thing("cat", None), Thing("dog", None)], "b": []}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg,1,2,3", "line 3: expected xmin,ymin,xmax,ymax with xmin < xmax.*'1,2,3,'"),
        ("a.jpg,1,2,three,4", "line 3: expected xmin"),
        ("a.jpg,1,2,nan,4", "line 3: expected xmin"),
        ("a.jpg,3,2,3,4", "line 3: expected xmin"),
        ("a.jpg,1,4,3,2", "line 3: expected xmin"),
        (",1,2,3,4", "line 3: the column image is empty"),
    ],
)
def test_a_malformed_line_is_named(file: Path, line: str, message: str) -> None:
    table(file, f"image,xmin,ymin,xmax,ymax\nb.jpg,1,2,3,4\n{line}\n")
    with pytest.raises(ConfigError, match=f"{re.escape(str(file))}, {message}"):
        read_csv(file)


@pytest.mark.parametrize("heading", ["", "name,label", "image,xmin,ymin,xmax", "image"])
def test_a_heading_that_says_too_little_is_named(file: Path, heading: str) -> None:
    with pytest.raises(ConfigError, match="line 1: expected a heading with image"):
        read_csv(table(file, heading + "\n"))


def test_a_table_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"image,label\n\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"cannot read ground truth.*must be UTF-8 CSV"):
        read_csv(file)
    with pytest.raises(ConfigError, match="cannot read ground truth"):
        read_csv(file.parent / "missing.csv")


def test_voc_counts_from_1_and_its_ends_belong_to_the_box(file: Path) -> None:
    table(file, KANGAROO.format(ymax=20))
    assert read_voc(file) == [
        Thing("kangaroo", (0, 10, 100, 20)),
        Thing("emu", (4.5, 5, 5.5, 6)),
    ]


@pytest.mark.parametrize("ymax", ["", "ten", "10", "inf"])
def test_a_malformed_object_is_named(file: Path, ymax: str) -> None:
    table(file, KANGAROO.format(ymax=ymax))
    with pytest.raises(ConfigError, match=f"{re.escape(str(file))}, object 1: expected xmin"):
        read_voc(file)


def test_broken_xml_is_named_with_its_line(file: Path) -> None:
    table(file, KANGAROO.format(ymax=20).replace("</bndbox></object>\n<object>", "\n<object>"))
    with pytest.raises(ConfigError, match=r"truth, line \d+, column \d+: not XML"):
        read_voc(file)
    with pytest.raises(ConfigError, match="cannot read ground truth"):
        read_voc(file.parent / "missing.xml")


@pytest.mark.parametrize("encoding", ["GBK", "none"])
def test_xml_in_an_encoding_that_expat_lacks_is_named(file: Path, encoding: str) -> None:
    table(file, f'<?xml version="1.0" encoding="{encoding}"?>' + KANGAROO.format(ymax=20))
    with pytest.raises(ConfigError, match=r"cannot read ground truth.*Pascal VOC XML in UTF-8"):
        read_voc(file)


@given(st.tuples(*[st.integers(1, 500)] * 4))
def test_voc_and_csv_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, corners: tuple[int, int, int, int]
) -> None:
    left, top, width, height = corners
    folder = tmp_path_factory.getbasetemp()
    written = f"image,xmin,ymin,xmax,ymax\na,{left - 1},{top - 1},{left + width},{top + height}\n"
    (found,) = read_csv(table(folder / "a.csv", written))["a"]
    xml = f"""<annotation><object><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>
        <xmax>{left + width}</xmax><ymax>{top + height}</ymax></bndbox></object></annotation>"""
    assert read_voc(table(folder / "a.xml", xml)) == [found]


def test_an_annotation_reads_no_other_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    doctype = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    text = doctype + KANGAROO.format(ymax=70).replace("kangaroo", "&x;")
    with pytest.raises(ConfigError, match="undefined entity &x;"):
        read_voc(table(file, text))


def test_an_annotation_that_grows_without_end_is_refused(file: Path) -> None:
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(9)]
    text = f"<!DOCTYPE a [{''.join(names)}]>" + KANGAROO.replace("kangaroo", "&e8;")
    with pytest.raises(ConfigError, match="amplification"):
        read_voc(table(file, text))
