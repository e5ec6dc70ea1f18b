from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.evaluation.wsol.annotations import Thing
from locpipe.pipeline.evaluation.wsol.cases import failed, read_case
from locpipe.pipeline.evaluation.wsol.truth import Truth
from locpipe.pipeline.output.box_json import Page, read_page
from locpipe.pipeline.output.failures import FAILURES, Failure, write_failures
from locpipe.stages.errors import ConfigError

WORD = [[10, 20], [110, 20], [110, 50], [10, 50]]
BOX = (10, 20, 110, 50)


@pytest.fixture
def page(write_boxes: Callable[..., Path], write_grey: Callable[..., Path]) -> Page:
    write_grey("heatmaps", "signs/a.jpg", BOX, 200)
    return read_page(write_boxes("signs/a.jpg", [(WORD, 0)]))


def boxes_of(run: Path, page: Page, *things: Thing, label: str | None = None) -> np.ndarray:
    known = Truth(things={"a": list(things)})
    return read_case(run, page, known, frame="upright", label=label).boxes


def test_a_picture_is_read_with_its_truth(
    run: Path, page: Page, write_grey: Callable[..., Path], tmp_path: Path
) -> None:
    write_grey("masks", "signs/a.jpg", (0, 0, 5, 5), 1)
    Image.new("L", (100, 50), 255).save(tmp_path / "m.png")
    known = Truth(things={"a": [Thing("", (1, 2, 3, 4))]}, masks={"a": tmp_path / "m.png"})
    case = read_case(run, page, known, frame="upright", label=None)
    assert case.heat.shape == (100, 200)
    assert set(np.unique(case.heat)) == {0, 200}
    assert case.boxes.tolist() == [[1, 2, 3, 4]]
    assert case.mask is not None
    assert case.mask.all()
    assert case.found_boxes.tolist() == [[10, 20, 110, 50]]
    assert case.found_mask is not None
    assert case.found_mask.sum() == 25


def test_a_run_may_have_no_masks_and_truth_no_boxes(run: Path, page: Page) -> None:
    case = read_case(run, page, Truth(), frame="upright", label=None)
    assert case.found_mask is None
    assert case.mask is None
    assert case.boxes.shape == (0, 4)


def test_only_boxes_of_the_label_count(run: Path, page: Page) -> None:
    things = [Thing("cat", (0, 0, 9, 9)), Thing("dog", (5, 5, 7, 7)), Thing("cat", None)]
    assert len(boxes_of(run, page, *things)) == 2
    assert boxes_of(run, page, *things, label="dog").tolist() == [[5, 5, 7, 7]]


def test_boxes_of_the_stored_picture_are_turned(
    run: Path, write_boxes: Callable[..., Path], write_grey: Callable[..., Path]
) -> None:
    """Orientation 6: stored x runs down the upright picture, stored y to the left."""
    write_grey("heatmaps", "a.jpg", BOX)
    stored = {"stored_width": 100, "stored_height": 200, "exif_orientation": 6}
    page = read_page(write_boxes("a.jpg", **stored))
    known = Truth(things={"a": [Thing("", (0, 10, 30, 60))]})
    case = read_case(run, page, known, frame="stored", label=None)
    assert case.boxes.tolist() == [[140, 0, 190, 30]]


def test_a_box_off_the_picture_is_named(run: Path, page: Page) -> None:
    assert len(boxes_of(run, page, Thing("", (-1, 0, 201, 100))))
    with pytest.raises(ConfigError, match=r"a has a box outside its 200 x 100 pixels; --frame"):
        boxes_of(run, page, Thing("", (150, 0, 240, 100)))


def test_missing_heatmaps_are_named_with_how_to_make_them(
    run: Path, write_boxes: Callable[..., Path]
) -> None:
    page = read_page(write_boxes("a.jpg"))
    message = r"heatmaps/a.jpg.png: no heatmap here; run again with --set output.heatmaps=true"
    with pytest.raises(ConfigError, match=message):
        read_case(run, page, Truth(), frame="upright", label=None)


@pytest.mark.parametrize("damaged", ["heatmaps", "masks"])
def test_damaged_maps_are_named(
    run: Path, page: Page, write_grey: Callable[..., Path], damaged: str
) -> None:
    file = write_grey(damaged, "signs/a.jpg", BOX)
    Image.new("L", (20, 10)).save(file)
    with pytest.raises(ConfigError, match=f"{damaged}/signs/a.jpg.png: not a whole picture"):
        read_case(run, page, Truth(), frame="upright", label=None)
    file.write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=f"{damaged}/signs/a.jpg.png: not a whole picture"):
        read_case(run, page, Truth(), frame="upright", label=None)


def test_pictures_that_failed_are_known(run: Path) -> None:
    assert failed(run) == set()
    failures = [Failure(path, "load", "ImageError", "", 1) for path in ("b/x.jpg", "y.tif")]
    (run / ".locpipe" / "tmp").mkdir(parents=True)
    write_failures(run, FAILURES, failures)
    assert failed(run) == {"x", "y"}
    (run / "failures.jsonl").write_text('{"paths": 1}\n')
    with pytest.raises(ConfigError, match=r"failures.jsonl: cannot be read"):
        failed(run)
