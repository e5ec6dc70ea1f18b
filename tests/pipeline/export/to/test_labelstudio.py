"""Label Studio: percent of the upright picture, rotation about the top-left corner."""

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from run_fixtures import Export, ExportedSign, MakeRun


def results(folder: Path) -> list[dict[str, Any]]:
    (task,) = json.loads((folder / "labelstudio.json").read_bytes())
    (prediction,) = task["predictions"]
    found = prediction["result"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("orientation", range(1, 9))
def test_percent_of_the_upright_picture(
    exported_sign: ExportedSign, boxes: list[dict[str, Any]], orientation: int
) -> None:
    found = results(exported_sign("labelstudio", orientation))
    upright, _, curved = found
    assert upright["value"] == {
        "x": pytest.approx(100 * 20 / 240, abs=1e-3),
        "y": 25.0,
        "width": pytest.approx(100 * 100 / 240, abs=1e-3),
        "height": 25.0,
        "rotation": 0.0,
        "rectanglelabels": ["text"],
    }
    assert (upright["original_width"], upright["original_height"]) == (240, 120)
    assert curved["type"] == "polygonlabels"
    points = [[100 * x / 240, 100 * y / 120] for x, y in boxes[2]["polygon"]]
    assert curved["value"]["points"] == [pytest.approx(point, abs=1e-3) for point in points]


@pytest.mark.parametrize("degrees", [-30, 30, 90, 170])
def test_a_turned_rectangle_is_drawn_where_it_was(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    degrees: int,
) -> None:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    polygon = [[120 + c * x - s * y, 60 + s * x + c * y] for x, y in ((0, 0), (40, 0), (40, 10), (0, 10))]  # fmt: skip
    boxes[0]["polygon"] = [[round(x, 2), round(y, 2)] for x, y in polygon]
    (found,) = results(exported(make_run({"a.png": (sign, 1, boxes[:1])}), "labelstudio"))
    value = found["value"]
    width, height = value["width"] * 2.4, value["height"] * 1.2
    assert (width, height) == (pytest.approx(40, abs=0.05), pytest.approx(10, abs=0.05))
    angle = math.radians(value["rotation"])
    assert 0 <= value["rotation"] < 360
    corner = (value["x"] * 2.4 + width * math.cos(angle) - height * math.sin(angle), value["y"] * 1.2 + width * math.sin(angle) + height * math.cos(angle))  # fmt: skip
    assert corner == pytest.approx(polygon[2], abs=0.1)


def test_pictures_are_addressed_as_label_studio_serves_them(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    key = 'a & <b>/"ü"?#%.png'
    folder = exported(make_run({key: (sign, 1, boxes)}), "labelstudio")
    (task,) = json.loads((folder / "labelstudio.json").read_bytes())
    address = urlsplit(task["data"]["image"])
    assert address.path == "/data/local-files/"
    assert parse_qs(address.query) == {"d": [f"pictures/{key}"]}, (
        "in a folder below the document root"
    )


def test_the_interface_has_the_controls_and_labels_that_tasks_name(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    folder = exported(make_run({"a.png": (sign, 1, boxes)}), "labelstudio")
    text = (folder / "labelstudio.xml").read_text()
    assert text.startswith("<View>"), "Label Studio takes no XML declaration"
    interface = ET.fromstring(text)
    shown, *others = interface
    assert (shown.tag, shown.attrib) == ("Image", {"name": "image", "value": "$image"})
    assert {control.get("toName") for control in others} == {"image"}
    controls = {control.get("name"): control for control in others}
    for result in results(folder):
        control = controls[result["from_name"]]
        assert control.tag.lower() == result["type"]
        (label,) = result["value"][result["type"]]
        assert label in [element.get("value") for element in control]
