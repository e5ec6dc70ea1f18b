"""One picture through the stages, and what is checked before."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.colours import score_colour
from locpipe.pipeline.output.pictures import heatmap_pixels, mask_pixels, overlay_pixels
from locpipe.stages.load import Image
from locpipe.stages.localize import Result, features_of, localize_image
from locpipe.stages.models.loading import Model, find_model, load_model


@pytest.fixture(scope="module")
def digits() -> Model:
    return load_model(find_model("digits"))


def image_of(rgb: NDArray[np.uint8]) -> Image:
    height, width = rgb.shape[:2]
    return Image(rgb, Path("a.png"), 1, 1, 1, width, height)


def config(**sections: object) -> Config:
    return Config.model_validate({"model": "digits", **sections})


@pytest.fixture(scope="module")
def coffee() -> Image:
    return image_of(np.ascontiguousarray(data.coffee()[::2, ::2]))


@pytest.fixture(scope="module")
def result(digits: Model, coffee: Image) -> Result:
    options = {
        "infer": {"scale": [1.0, 0.5], "polarity": "both"},
        "heatmap": {"labels": ["text"]},
        "boxes": {"min_area": 50, "classify": True},
    }
    return localize_image(coffee, digits, config(**options))


def test_every_stage_is_timed(result: Result) -> None:
    assert list(result.seconds) == ["infer", "heatmap", "threshold", "boxes", "classify"]
    assert all(seconds >= 0 for seconds in result.seconds.values())


def test_features_are_shared_by_configs_that_differ_only_later(
    digits: Model, coffee: Image
) -> None:
    settings = config(heatmap={"labels": ["text"], "weights": "contrast"})
    features = features_of(coffee, digits, settings)
    shared = localize_image(coffee, digits, settings, features=features)
    alone = localize_image(coffee, digits, settings)
    np.testing.assert_array_equal(shared.heatmap.values, alone.heatmap.values)
    assert shared.boxes == alone.boxes


def test_the_precision_of_the_config_is_that_of_the_network(
    digits: Model, coffee: Image, processor: Callable[..., None]
) -> None:
    processor(bfloat16=True)
    (exact,) = features_of(coffee, digits, config())
    (brief,) = features_of(coffee, digits, config(infer={"precision": "bfloat16"}))
    assert not np.array_equal(exact.maps, brief.maps)


def test_boxes_lie_on_the_mask_and_are_classified(result: Result, coffee: Image) -> None:
    pixels = mask_pixels(result)
    assert pixels.shape == (coffee.height, coffee.width)
    assert set(np.unique(pixels)) == {0, 255}
    assert result.boxes.items
    for box in result.boxes.items:
        left, top, right, bottom = box.rect
        assert pixels[top:bottom, left:right].any()
        assert box.class_ in set("0123456789")


def test_several_labels_are_numbered_by_the_hottest(digits: Model, coffee: Image) -> None:
    found = localize_image(coffee, digits, config(heatmap={"labels": ["1", "7", "text"]}))
    pixels = mask_pixels(found)
    assert set(np.unique(pixels)) <= {0, 1, 2, 3}
    on = found.mask.values.any(axis=0)
    row, column = np.argwhere(on)[0]
    heat = np.where(found.mask.values[:, row, column], found.heatmap.values[:, row, column], -1)
    y = int(found.mask.grid.top_edges[row])
    x = int(found.mask.grid.left_edges[column])
    assert pixels[y, x] == 1 + heat.argmax()


@pytest.mark.parametrize("labels", [["text"], ["1", "7"]])
def test_filled_masks_are_the_insides_of_the_boxes(
    digits: Model, coffee: Image, labels: list[str]
) -> None:
    def result_of(*, fill: bool) -> Result:
        boxes = {"min_area": 50, "padding": 0.5, "fill": fill}
        return localize_image(coffee, digits, config(heatmap={"labels": labels}, boxes=boxes))

    plain, found = result_of(fill=False), result_of(fill=True)
    assert found.boxes == plain.boxes
    pixels = mask_pixels(found)
    numbers = {label: k for k, label in enumerate(labels, 1)} if len(labels) > 1 else {"text": 255}
    expected = np.zeros_like(pixels)
    for box in sorted(found.boxes.items, key=lambda box: box.score):
        left, top, right, bottom = box.rect
        expected[top:bottom, left:right] = numbers[box.label]
    # Upright boxes, whose edges may run through pixels.
    assert found.boxes.items
    assert (pixels == expected).mean() > 0.97
    assert not pixels[expected == 0].any()
    assert (mask_pixels(plain)[expected == 0] > 0).any()  # of components too small for a box


def test_the_heatmap_is_written_in_levels_of_255(result: Result) -> None:
    pixels = heatmap_pixels(result)
    assert pixels.shape == result.image.rgb.shape[:2]
    assert pixels.max() == round(float(result.heatmap.values.max()) * 255)


def test_an_overlay_shows_the_picture_where_it_is_cold(digits: Model) -> None:
    flat = image_of(np.full((40, 60, 3), 77, np.uint8))
    cold = localize_image(flat, digits, config(heatmap={"labels": ["text"]}))
    assert not cold.boxes.items
    assert abs(overlay_pixels(cold)[:-LEGEND].astype(int) - 77).max() <= 12


LEGEND = 28  # rows


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        ((20, 3200), (8 + LEGEND, 1280)),
        ((400, 300), (400 + LEGEND, 300)),
        ((399, 200), (798 + LEGEND, 400)),
        ((10, 60), (70 + LEGEND, 420)),
        ((10, 9), (80, 72)),
        ((3, 2), (24, 16)),
        ((3000, 2), (1280, 1)),
    ],
)
def test_an_overlay_is_as_large_as_one_can_look_at(
    digits: Model, size: tuple[int, int], drawn: tuple[int, int]
) -> None:
    """At most 1280 pixels long; a small one is enlarged by a whole number; a narrow one has no legend."""
    image = image_of(np.zeros((*size, 3), np.uint8))
    overlay = overlay_pixels(localize_image(image, digits, config(heatmap={"labels": ["text"]})))
    assert overlay.shape == (*drawn, 3)


def test_an_overlay_draws_boxes_in_the_colours_of_their_scores(result: Result) -> None:
    overlay = overlay_pixels(result).astype(int)
    times = overlay.shape[1] // result.image.width
    assert result.boxes.items
    for box in sorted(result.boxes.items, key=lambda box: box.score)[-5:]:
        left, top, right, bottom = (side * times for side in box.rect)
        near = abs(overlay[top:bottom, left:right] - score_colour(box.score)).max(axis=2)
        assert near.min() <= 3


def test_a_legend_has_both_maps_of_colours(result: Result) -> None:
    legend = overlay_pixels(result)[-LEGEND:]
    row = legend[LEGEND // 2].astype(int)
    for colour in (score_colour(0.5), score_colour(1), (252, 255, 164)):  # the last: of inferno
        assert abs(row - colour).max(axis=1).min() <= 6


def test_long_side_shrinks_and_never_enlarges(digits: Model, coffee: Image) -> None:
    shrunk = localize_image(coffee, digits, config(infer={"long_side": 100}))
    assert shrunk.heatmap.grid.shape == (-(-round(coffee.height * 100 / coffee.width) // 2), 50)
    same = localize_image(coffee, digits, config(infer={"long_side": 10_000}))
    assert same.heatmap.grid.shape == (-(-coffee.height // 2), -(-coffee.width // 2))


def test_an_enlarged_picture_has_finer_cells_and_the_same_frame(
    digits: Model, coffee: Image
) -> None:
    options = {"heatmap": {"labels": ["text"]}, "boxes": {"min_area": 50}}
    plain = localize_image(coffee, digits, config(**options))
    larger = localize_image(coffee, digits, config(infer={"enlarge_to": 20}, **options))
    assert larger.heatmap.grid.cell_area() == pytest.approx(plain.heatmap.grid.cell_area() / 2.25)
    assert larger.heatmap.grid.picture == (coffee.width, coffee.height)
    assert mask_pixels(larger).shape == mask_pixels(plain).shape


@pytest.mark.parametrize("method", ["bilinear", "grabcut", "crf"])
def test_a_refined_mask_is_of_pixels_and_boxes_fit_it(
    digits: Model, coffee: Image, method: str
) -> None:
    options = {"heatmap": {"labels": ["text"]}, "boxes": {"min_area": 50}}
    refined = localize_image(coffee, digits, config(refine={"method": method}, **options))
    assert list(refined.seconds) == ["infer", "heatmap", "threshold", "refine", "boxes"]
    assert refined.mask.grid.shape == (coffee.height, coffee.width)
    assert refined.heatmap.grid == refined.mask.grid
    pixels = mask_pixels(refined)
    assert refined.boxes.items
    for box in refined.boxes.items:
        left, top, right, bottom = box.rect
        rows, columns = np.nonzero(pixels[top:bottom, left:right])
        assert rows.min() <= 1
        assert columns.min() <= 1
        assert rows.max() >= bottom - top - 2
        assert columns.max() >= right - left - 2
    assert heatmap_pixels(refined).shape == pixels.shape
    height, width = coffee.rgb.shape[:2]
    assert overlay_pixels(refined)[:-LEGEND].shape == (2 * height, 2 * width, 3)


def test_refining_moves_the_mask_and_keeps_the_heat(digits: Model, coffee: Image) -> None:
    def result_of(method: str) -> Result:
        sections = {
            "heatmap": {"labels": ["text"], "normalize": "minmax"},
            "threshold": {"value": 0.35},
            "refine": {"method": method},
        }
        return localize_image(coffee, digits, config(**sections))

    bilinear, cut = result_of("bilinear"), result_of("grabcut")
    assert np.array_equal(bilinear.heatmap.values, cut.heatmap.values)
    assert not np.array_equal(bilinear.mask.values, cut.mask.values)
