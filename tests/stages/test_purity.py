"""What is found in one place does not depend on what is far away, nor on what was run before."""

import gc
import weakref
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from locpipe.pipeline.config.sections import Config
from locpipe.stages.boxes import find_boxes
from locpipe.stages.geometry.box import Box
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap
from locpipe.stages.load import Image
from locpipe.stages.localize import localize_image
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.settings import Connectivity, Shape
from locpipe.stages.threshold import threshold

NEAR, FAR, WIDTH, HEIGHT = 12, 90, 100, 10  # columns of cells

heats = arrays.arrays(np.float32, (HEIGHT, NEAR), elements=st.floats(0, 1, width=32))
words = arrays.arrays(np.float32, (HEIGHT, WIDTH - FAR), elements=st.floats(0, 1, width=32))


def boxes_near(
    heat: NDArray[np.float32], method: Mapping[str, object], **options: object
) -> set[Box]:
    grid = Grid((HEIGHT, WIDTH), (4.0, 4.0), (2.0, 2.0), (4 * WIDTH, 4 * HEIGHT))
    whole = Heatmap(heat[None], ("text",), grid)
    joined = {"connectivity": options["connectivity"]}
    mask = threshold(whole, **method, **joined)  # type: ignore[arg-type]  # options of threshold
    found = find_boxes(mask, whole, **options).items  # type: ignore[arg-type]  # of find_boxes
    return {box for box in found if box.rect[2] < 4 * FAR - 40}


def without_line(boxes: set[Box]) -> set[tuple[object, ...]]:
    return {(box.score, box.polygon, box.rect) for box in boxes}


@settings(max_examples=200)
@given(
    near=heats,
    far=words,
    method=st.sampled_from(
        [{"method": "fixed", "value": 0.7}, {"method": "hysteresis", "low": 0.5, "high": 0.8}]
    ),
    shape=st.sampled_from(["upright", "rotated", "polygon"]),
    connectivity=st.sampled_from([4, 8]),
    merge=st.sampled_from([0.0, 1.0]),
    split=st.sampled_from([0.0, 0.5]),
)
def test_a_distant_word_moves_no_corner_of_another(
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    method: Mapping[str, object],
    shape: Shape,
    connectivity: Connectivity,
    merge: float,
    split: float,
) -> None:
    heat = np.zeros((HEIGHT, WIDTH), np.float32)
    heat[:, :NEAR] = near
    options = {"shape": shape, "connectivity": connectivity, "merge": merge, "split": split}
    alone = boxes_near(heat, method, padding=0.2, **options)
    heat[:, FAR:] = far
    assert without_line(boxes_near(heat, method, padding=0.2, **options)) == without_line(alone)


def test_a_distant_word_moves_no_corner_through_the_network(
    digits: Model, photo: NDArray[np.uint8]
) -> None:
    height, width = photo.shape[:2]
    canvas = np.full((height, 4 * width, 3), 180, np.uint8)
    canvas[:, :width] = photo
    config = Config.model_validate(
        {"model": "digits", "heatmap": {"labels": ["text"]}, "threshold": {"value": 0.2}}
    )

    def corners() -> set[tuple[object, ...]]:
        image = Image(canvas, Path("a.png"), 1, 1, 1, 4 * width, height)
        found = localize_image(image, digits, config).boxes.items
        return without_line({box for box in found if box.rect[2] < 2 * width})

    alone = corners()
    assert alone
    canvas[:, 3 * width :] = 255 - photo
    assert corners() == alone


def test_hysteresis_joins_as_boxes_do() -> None:
    heat = np.zeros((HEIGHT, WIDTH), np.float32)
    heat[2, 2], heat[3, 3] = 0.9, 0.6  # touch at a corner
    method = {"method": "hysteresis", "low": 0.5, "high": 0.8}
    (joined,) = boxes_near(heat, method, connectivity=8)
    (apart,) = boxes_near(heat, method, connectivity=4)
    assert (joined.rect[2], apart.rect[2]) == (15, 12)


def test_the_order_of_scales_moves_no_box(digits: Model, photo: NDArray[np.uint8]) -> None:
    image = Image(photo, Path("a.png"), 1, 1, 1, photo.shape[1], photo.shape[0])

    def found(*scales: float, merge: str) -> tuple[Box, ...]:
        sections = {
            "infer": {"scale": scales},
            "heatmap": {"labels": ["text"], "merge": merge},
            "threshold": {"value": 0.2},
        }
        config = Config.model_validate({"model": "digits", **sections})
        return localize_image(image, digits, config).boxes.items

    for merge in ("max", "mean"):
        assert found(0.5, 1, merge=merge) == found(1, 0.5, merge=merge)
    assert found(0.5, 1, merge="max")


def test_a_dropped_model_is_let_go(photo: NDArray[np.uint8]) -> None:
    """Its network too: a long-lived program that tries models would run out of memory."""
    model = load_model(find_model("digits"))
    image = Image(photo, Path("a.png"), 1, 1, 1, photo.shape[1], photo.shape[0])
    groups = {"odd": ["1", "3"]}
    config = Config.model_validate(
        {"model": "digits", "heatmap": {"groups": groups, "labels": ["odd", "text"]}}
    )
    localize_image(image, model, config)
    kept: list[weakref.ref[object]] = [
        weakref.ref(model),
        weakref.ref(model.network),
        weakref.ref(model.tables),
    ]
    del model
    gc.collect()
    assert [reference() for reference in kept] == [None, None, None]
