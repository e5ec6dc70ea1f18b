"""coco.json as pycocotools reads it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO
from run_fixtures import Export, ExportedSign, MakeRun

from locpipe.pipeline.export.to.coco import run_lengths

# pycocotools 2.0.11 has not heard of NumPy 2's arguments.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@settings(max_examples=50)
@given(
    shape=arrays.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6))).filter(np.any),
    left=st.integers(0, 3),
    top=st.integers(0, 3),
    below=st.integers(0, 2),
)
def test_run_lengths_are_those_of_pycocotools(
    shape: NDArray[np.bool_], left: int, top: int, below: int
) -> None:
    page = np.zeros((top + shape.shape[0] + below, left + shape.shape[1] + 1), np.uint8)
    page[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    counts = run_lengths(shape, left, top, len(page))
    counts.append(page.size - sum(counts))
    ours: Any = {"size": list(page.shape), "counts": counts}
    packed = rle.frPyObjects(ours, *page.shape)
    np.testing.assert_array_equal(rle.decode(packed), page)
    assert packed == rle.encode(np.asfortranarray(page))


def read(folder: Path) -> COCO:
    return COCO(str(folder / "coco.json"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_masks_lie_on_the_upright_picture(
    exported_sign: ExportedSign, boxes: list[dict[str, Any]], orientation: int
) -> None:
    coco = read(exported_sign("coco", orientation))
    (image,) = coco.dataset["images"]
    assert (image["file_name"], image["width"], image["height"]) == ("s/a.png", 240, 120)
    annotations: Any = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
    upright, turned, curved = annotations
    assert upright["bbox"] == [20, 30, 100, 30]
    expected = np.zeros((120, 240), np.uint8)
    expected[30:60, 20:120] = 1
    np.testing.assert_array_equal(coco.annToMask(upright), expected)
    for annotation, box in ((turned, boxes[1]), (curved, boxes[2])):
        mask = coco.annToMask(annotation)
        assert mask.sum() == annotation["area"]
        area = cv2.contourArea(np.array(box["polygon"], np.float32))
        assert annotation["area"] == pytest.approx(area, rel=0.05)
        rows, columns = np.nonzero(mask)
        left, top, right, bottom = box["rect"]
        assert left <= columns.min() <= columns.max() < right
        assert top <= rows.min() <= rows.max() < bottom
    names = {category["id"]: category["name"] for category in coco.dataset["categories"]}
    assert names[turned["category_id"]] == "<b>&\"'\x01"
    assert (turned["score"], turned["class"]) == (0.5, "7")


def test_where_masks_were_written_they_are_the_segmentation(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"one.png": (sign, 1, boxes[:1]), "two.png": (sign, 1, boxes)})
    (run / "out" / "masks").mkdir()
    for name, value in (("one", 255), ("two", 2)):
        mask = np.zeros((120, 240), np.uint8)
        mask[35:55, 30:230] = value
        Image.fromarray(mask).save(run / "out" / "masks" / f"{name}.png.png")
    coco = read(exported(run, "coco"))
    one, first, second, third = coco.dataset["annotations"]
    expected = np.zeros((120, 240), np.uint8)
    expected[35:55, 30:120] = 1
    np.testing.assert_array_equal(coco.annToMask(one), expected)
    assert first["area"] == 3000, "the mask of another label does not count"
    assert 0 < second["area"] < coco.annToMask(third).size
    assert coco.annToMask(second)[:35].sum() == 0


def test_numbers_are_given_over_all_pictures(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    made = {f"{n}.png": (sign, 1, boxes[:n]) for n in range(4)}
    data = json.loads((exported(make_run(made), "coco") / "coco.json").read_bytes())
    assert [image["id"] for image in data["images"]] == [1, 2, 3, 4]
    assert [item["id"] for item in data["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert [item["image_id"] for item in data["annotations"]] == [2, 3, 3, 4, 4, 4]
