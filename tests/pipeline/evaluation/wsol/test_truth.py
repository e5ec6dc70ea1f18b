from pathlib import Path

import pytest
from PIL import Image

from locpipe.pipeline.evaluation.wsol.truth import read_truth
from locpipe.stages.errors import ConfigError

VOC = """<annotation><object><name>emu</name><bndbox>
<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "boxes.csv"
    file.write_text("image,xmin,ymin,xmax,ymax\na.jpg,0,0,9,9\nb.jpg,0,0,9,9\n")
    return file


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("a.jpg", "b.png"):
        Image.new("L", (8, 8)).save(folder / name)
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    folder = tmp_path / "annots"
    folder.mkdir()
    (folder / "c.v2.xml").write_text(VOC)
    return folder


def test_each_kind_is_known_by_what_lies_there(table: Path, masks: Path, voc: Path) -> None:
    assert read_truth([table]).things.keys() == {"a", "b"}
    assert read_truth([masks]).masks == {"a": masks / "a.jpg", "b": masks / "b.png"}
    (thing,) = read_truth([voc]).things["c.v2"]
    assert (thing.label, thing.box) == ("emu", (0, 0, 9, 9))


def test_places_add_up(table: Path, masks: Path, voc: Path) -> None:
    both = read_truth([table, masks])
    assert both.things.keys() == both.masks.keys() == both.stems() == {"a", "b"}
    assert read_truth([voc, table]).stems() == {"a", "b", "c.v2"}


def test_a_place_without_truth_is_named(tmp_path: Path, masks: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(ConfigError, match=f"{place.name}: no ground truth here; give a CSV"):
            read_truth([masks, place])


def test_two_masks_of_one_picture_are_named(masks: Path) -> None:
    Image.new("L", (8, 8)).save(masks / "a.png")
    with pytest.raises(ConfigError, match=r"a\.png and a\.jpg: two masks of one picture"):
        read_truth([masks])


def test_truth_given_twice_is_named(table: Path, masks: Path) -> None:
    with pytest.raises(ConfigError, match=r"boxes.csv: the truth of a was given before"):
        read_truth([table, table])
    with pytest.raises(ConfigError, match="masks: the truth of a was given before"):
        read_truth([masks, masks])


def test_a_picture_with_half_its_truth_is_named(table: Path, masks: Path, voc: Path) -> None:
    with pytest.raises(ConfigError, match=r"c.v2 has boxes but no mask \(1 pictures"):
        read_truth([table, masks, voc])
    table.write_text("image,xmin,ymin,xmax,ymax\na.jpg,0,0,9,9\n")
    with pytest.raises(ConfigError, match="b has a mask but no box"):
        read_truth([table, masks])
