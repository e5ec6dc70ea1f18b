"""The box JSON of a page whose boxes are drawn by hand."""

from pathlib import Path

import numpy as np
import pytest

from locpipe.pipeline.output.box_json import box_document, made_by
from locpipe.pipeline.picture.localize import Result
from locpipe.stages.boxes import Box, Boxes
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap
from locpipe.stages.load import Image
from locpipe.stages.threshold import Mask

SQUARE = ((1.0, 2.0), (5.0, 2.0), (5.0, 6.25), (1.0, 6.25))


def result(*boxes: Box, dropped: int = 0) -> Result:
    values = np.zeros((2, 10, 20), np.float32)
    grid = Grid((10, 20), (1.0, 1.0), (0.5, 0.5), (20, 10))
    image = Image(np.zeros((10, 20, 3), np.uint8), Path("/in/a.tif"), 3, 4, 6, 10, 20)
    labels = ("cat", "dog")
    mask = Mask(values > 0, labels, grid)
    return Result(image, Heatmap(values, labels, grid), mask, Boxes(boxes, dropped), {})


def test_a_document_says_what_was_found_and_where() -> None:
    plain = Box("dog", 0.123456, SQUARE, (1, 2, 5, 7), line=4)
    document = box_document(result(plain), "s/a.tif", "5ha", made_by("m", "of-m", "of-c"))
    assert document == {
        "schema": "locpipe/boxes/1",
        "image": {
            "path": "s/a.tif",
            "page": 3,
            "width": 20,
            "height": 10,
            "exif_orientation": 6,
            "stored_width": 10,
            "stored_height": 20,
            "sha256": "5ha",
        },
        "made_by": {"model": "m", "model_sha256": "of-m", "config_sha256": "of-c"},
        "labels": ["cat", "dog"],
        "boxes": [
            {
                "label": "dog",
                "score": 0.1235,
                "rect": [1, 2, 5, 7],
                "polygon": [[1, 2], [5, 2], [5, 6.25], [1, 6.25]],
                "line": 4,
            }
        ],
    }


def test_a_classified_box_has_a_class_and_how_probable_it_is() -> None:
    box = Box("dog", 0.5, SQUARE, (1, 2, 5, 7), class_="pug", probability=0.987654)
    boxes = box_document(result(box), "a.tif", "", {})["boxes"]
    assert isinstance(boxes, list)
    assert (boxes[0]["class"], boxes[0]["probability"]) == ("pug", 0.9877)


@pytest.mark.parametrize(
    ("dropped", "warnings"),
    [(0, None), (2, ["kept the best 1 of 3 boxes; raise boxes.max to see all"])],
)
def test_boxes_that_were_dropped_are_told(dropped: int, warnings: list[str] | None) -> None:
    box = Box("dog", 0.5, SQUARE, (1, 2, 5, 7))
    document = box_document(result(box, dropped=dropped), "a.tif", "", {})
    assert document.get("warnings") == warnings
