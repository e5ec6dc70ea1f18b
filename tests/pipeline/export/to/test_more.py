"""Masks, GeoJSON and W3C annotations."""

import json
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from geojson_pydantic import FeatureCollection
from PIL import Image
from run_fixtures import Export, MakeRun
from shapely.geometry import Polygon, shape

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.export.to import annotations, geojson
from locpipe.pipeline.output.archive import open_run

# The parts of the Web Annotation Data Model (2017) that we write.
ANNOTATIONS: dict[str, Any] = {
    "type": "object",
    "required": ["@context", "id", "type", "items"],
    "properties": {
        "@context": {"const": "http://www.w3.org/ns/anno.jsonld"},
        "id": {"type": "string", "format": "uri"},
        "type": {"const": "AnnotationPage"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "target"],
                "properties": {
                    "id": {"type": "string", "format": "uri"},
                    "type": {"const": "Annotation"},
                    "motivation": {"enum": ["tagging"]},
                    "target": {
                        "type": "object",
                        "required": ["source", "selector"],
                        "properties": {
                            # An IRI, as IIIF wants it: iiif-prezi3 refuses a path.
                            "source": {
                                "type": "string",
                                "pattern": "^urn:[a-z0-9][a-z0-9-]+:[^ ]+$",
                            },
                            "selector": {
                                "type": "array",
                                "items": {"required": ["type", "value"]},
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.mark.parametrize("orientation", [1, 6])
def test_masks_have_the_stored_frame_and_cover_more_than_the_boxes(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    orientation: int,
) -> None:
    run = make_run({"a.png": (sign, orientation, boxes), "none.png": (sign, 1, [])})
    folder = exported(run, "masks") / "masks"
    (page, _) = open_run(run / "out").pages()
    mask = cv2.imread(str(folder / "a.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert mask.dtype == np.uint8
    assert mask.shape == page.stored_size[::-1]
    assert set(np.unique(mask)) == {0, 255}
    assert not np.any(cv2.imread(str(folder / "none.png"), cv2.IMREAD_UNCHANGED))
    upright = np.rot90(mask, -1) if orientation == 6 else mask
    assert upright[31:59, 21:119].all()
    assert upright[27, 30:100].all(), "a share of the height more"
    assert not upright[20, 30:100].any()


@pytest.mark.parametrize(("dilation", "reach"), [("0", 0), ("0.15", 5), ("0.5", 15), ("1", 30)])
def test_masks_are_wider_than_boxes_by_a_share_of_the_height_of_their_text(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]], dilation: str, reach: int
) -> None:
    """The box is 100 x 30 pixels; the line around it ends within a pixel."""
    out = make_run({"a.png": (sign, 1, boxes[:1])}) / "out"
    done = CliRunner().invoke(main, ["export", str(out), "--to", "masks", "--dilation", dilation])
    assert done.exit_code == 0, done.stderr
    mask = cv2.imread(str(out / "exports" / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    down = np.flatnonzero(mask[:, 70])
    assert (60 - down[-1] - 1 + reach, 30 - down[0] - reach) == pytest.approx((0, 0), abs=1.5)


def test_masks_may_have_one_bit_and_show_the_same(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    out = make_run({"a.png": (sign, 6, boxes)}) / "out"
    shown = []
    for bits, mode in (("8", "L"), ("1", "1")):
        done = CliRunner().invoke(main, ["export", str(out), "--to", "masks", "--bits", bits])
        assert done.exit_code == 0, done.stderr
        with Image.open(out / "exports" / "masks" / "a.png") as picture:
            assert picture.mode == mode
            shown.append(np.asarray(picture.convert("L")))
    assert np.array_equal(shown[0], shown[1])


def test_options_of_masks_are_refused_for_other_formats() -> None:
    done = CliRunner().invoke(main, ["export", "out", "--to", "page", "--bits", "1"])
    assert done.exit_code == 2
    assert "--bits is about masks; add --to masks" in done.stderr


def test_geojson_is_valid_and_its_ids_stay(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"a.png": (sign, 1, boxes), "b.png": (sign, 1, boxes[1:])})
    first, second = (geojson.document(page) for page in open_run(run / "out").pages())
    for document in (first, second):
        FeatureCollection.model_validate(document)
        for feature in document["features"]:
            outline = shape(feature["geometry"])
            assert isinstance(outline, Polygon)
            assert outline.is_valid
            assert outline.exterior.is_ccw, "RFC 7946, 3.1.6"
    ids = [feature["id"] for feature in first["features"]]
    assert len(set(ids)) == len(ids)
    assert ids[1:] == [feature["id"] for feature in second["features"]]


def test_annotations_are_valid_and_have_one_item_per_box(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    (page,) = open_run(make_run({"a b.png": (sign, 1, boxes)}) / "out").pages()
    document = annotations.document(page)
    jsonschema.validate(document, ANNOTATIONS)
    assert json.loads(json.dumps(document)) == document
    selectors = [item["target"]["selector"][1]["value"] for item in document["items"]]
    assert len(selectors) == len(page.boxes)
    assert selectors[0] == "xywh=pixel:20,30,100,30"


def test_masks_have_the_stems_of_their_pictures_unless_two_share_one(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    """IOPaint gives a picture the mask of the same stem."""
    names = ("in/a.png", "in/b.jpg", "in/b.png", "c.png.gif", "c.png")
    out = make_run(dict.fromkeys(names, (sign, 1, boxes))) / "out"
    folder = out / "exports" / "masks"
    (out / "exports" / "masks" / "in").mkdir(parents=True)
    (folder / "in" / "b.png").write_bytes(b"of the time when there was only one")
    done = CliRunner().invoke(main, ["export", str(out), "--to", "masks"])
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("belong to several pictures (such as 'c.png')") == 1
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert found == {"in/a.png", "in/b.jpg.png", "in/b.png.png", "c.png.gif.png", "c.png"}
