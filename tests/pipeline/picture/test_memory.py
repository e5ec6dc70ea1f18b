"""What memory a picture takes."""

import pytest

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.picture.memory import memory_needed
from locpipe.stages.load import Header
from locpipe.stages.models.loading import Model, find_model, load_model


@pytest.fixture(scope="module")
def digits() -> Model:
    return load_model(find_model("digits"))


def config(**sections: object) -> Config:
    return Config.model_validate({"model": "digits", **sections})


def test_memory_grows_with_the_picture_and_its_passes(digits: Model) -> None:
    def needed(side: int, **infer: object) -> int:
        header = Header(side, side, side, side, 1, 1, "PNG")
        return memory_needed(digits, header, config(infer=infer))

    assert needed(9000) > 2.5 * needed(3000)
    assert needed(1000, polarity="both") > needed(1000)
    assert needed(1000, scale=[1.0, 0.5]) > needed(1000)
    assert needed(4000, long_side=500) < needed(4000) - 100_000_000
    assert needed(600, enlarge_to=20) > 1.5 * needed(600)


@pytest.mark.parametrize(("width", "height"), [(2000, 1000), (500, 5000), (4000, 1500)])
def test_a_picture_on_its_side_needs_the_same_memory(
    digits: Model, width: int, height: int
) -> None:
    def needed(width: int, height: int) -> int:
        whole = {"weights": "classifier", "labels": ["1"]}  # parts take what follows from the width
        options = config(infer={"long_side": 3000}, heatmap=whole, refine={"method": "bilinear"})
        return memory_needed(digits, Header(width, height, width, height, 1, 1, "PNG"), options)

    assert needed(width, height) == pytest.approx(needed(height, width), rel=0.1)


def test_filled_masks_need_memory_for_every_label(digits: Model) -> None:
    def needed(*, fill: bool) -> int:
        sections = {"heatmap": {"labels": ["1", "7", "text"]}, "boxes": {"fill": fill}}
        header = Header(1000, 1000, 1000, 1000, 1, 1, "PNG")
        return memory_needed(digits, header, config(**sections))

    assert needed(fill=True) >= needed(fill=False) + 3_000_000


def test_refined_maps_of_the_most_probable_classes_need_memory_each(digits: Model) -> None:
    def needed(*labels: str) -> int:
        refined = config(heatmap={"labels": labels}, refine={"method": "bilinear"})
        return memory_needed(digits, Header(1000, 1000, 1000, 1000, 1, 1, "PNG"), refined)

    assert needed("top3") > needed("top1") > needed("1")  # of F, too, for what is probable
    assert needed("1", "2", "3") > needed("1")
    assert needed("top99") == needed("top10")


def test_refining_needs_memory_for_every_pixel_and_label(digits: Model) -> None:
    def needed(method: str, *labels: str) -> int:
        header = Header(1000, 1000, 1000, 1000, 1, 1, "PNG")
        sections = {"heatmap": {"labels": labels}, "refine": {"method": method}}
        return memory_needed(digits, header, config(**sections))

    assert needed("grabcut", "text") >= needed("none", "text") + 10_000_000
    assert needed("grabcut", "1", "7") >= needed("grabcut", "1") + 5_000_000
