"""Runs on disk against ground truth on disk."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.evaluation.wsol.evaluate import evaluate_wsol
from locpipe.pipeline.evaluation.wsol.masks import read_mask
from locpipe.pipeline.evaluation.wsol.truth import read_truth
from locpipe.pipeline.output.failures import FAILURES, Failure, write_failures
from locpipe.pipeline.output.layout import prepare_output
from locpipe.stages.errors import ConfigError

WORD = [[10, 20], [110, 20], [110, 50], [10, 50]]
BOX = (10, 20, 110, 50)


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    file = tmp_path / "truth.csv"
    file.write_text(
        "image,label,xmin,ymin,xmax,ymax\na.jpg,text,10,20,110,50\nb.jpg,cat,180,80,199,99\n"
    )
    return file


@pytest.fixture
def two(run: Path, write_boxes: Callable[..., Path], write_grey: Callable[..., Path]) -> Path:
    """A run of two pictures: heat, box and mask right on the first, wrong on the second."""
    for name in ("a", "b"):
        write_boxes(f"{name}.jpg", [(WORD, 0)])
        write_grey("heatmaps", f"{name}.jpg", BOX, 128)
        write_grey("masks", f"{name}.jpg", BOX)
    return run


def test_a_run_is_scored(two: Path, boxes: Path) -> None:
    report, left_out = evaluate_wsol(two, [boxes])
    assert left_out == []
    assert report.totals["MaxBoxAcc"].score == 0.5
    assert report.totals["pointing"].score == 0.5
    assert [one.scores["box_iou"] for one in report.pictures] == [1, 0]


def test_masks_and_voc_do_as_well(two: Path, tmp_path: Path) -> None:
    """Masks of half the size; VOC counts pixels from 1."""
    places = tmp_path / "annots", tmp_path / "masks"
    for place in places:
        place.mkdir()
    for name in ("a", "b"):
        mask = np.zeros((50, 100), np.uint8)
        mask[10:25, 5:55] = 255
        Image.fromarray(mask).save(places[1] / f"{name}.png")
        corners = zip(("xmin", "ymin", "xmax", "ymax"), (11, 21, 110, 50), strict=True)
        box = "".join(f"<{side}>{value}</{side}>" for side, value in corners)
        xml = f"<annotation><object><name>text</name><bndbox>{box}</bndbox></object></annotation>"
        (places[0] / f"{name}.xml").write_text(xml)
    totals = evaluate_wsol(two, places)[0].totals
    assert {name: total.score for name, total in totals.items()} == pytest.approx(
        dict.fromkeys(totals, 1)
    )
    assert set(totals) > {"MaxBoxAccV2", "PxAP", "masks of the run", "mAP"}


def test_a_mask_of_another_aspect_stops_it(two: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("L", (100, 100)).save(tmp_path / f"{name}.png")
    with pytest.raises(ConfigError, match=r"a.png: the mask is 100 x 100, its picture 200 x 100"):
        evaluate_wsol(two, [tmp_path])


def test_map_is_of_labels_that_both_sides_know(two: Path, boxes: Path) -> None:
    """The label text is on one of two pictures, its best box has 0.9 on both: precision 1/2."""
    report, _ = evaluate_wsol(two, [boxes])
    assert report.totals["mAP"].score == report.totals["mAP"].whole_picture == 0.5
    boxes.write_text(boxes.read_text().replace("text", "dog"))
    assert "mAP" not in evaluate_wsol(two, [boxes])[0].totals


def test_map_is_of_the_labels_of_all_pictures_where_each_has_its_own(
    two: Path, boxes: Path
) -> None:
    """As with the labels top1; those of the first picture alone hid what the truth knows."""
    first = two / "boxes" / "a.jpg.json"
    first.write_text(first.read_text().replace('"text"', '"dog"'))
    boxes.write_text("image,label\na.jpg,cat\nb.jpg,text\n")
    total = evaluate_wsol(two, [boxes])[0].totals["mAP"]
    assert (total.score, total.whole_picture) == (1, 0.5)


def test_map_ranks_pictures_by_their_best_box(
    two: Path, boxes: Path, write_boxes: Callable[..., Path]
) -> None:
    write_boxes("b.jpg")
    total = evaluate_wsol(two, [boxes])[0].totals["mAP"]
    assert (total.score, total.low, total.high, total.whole_picture) == (1, 1, 1, 0.5)


def test_image_labels_alone_give_map_alone(two: Path, boxes: Path) -> None:
    boxes.write_text("image,label\na.jpg,text\nb.jpg,\n")
    assert list(evaluate_wsol(two, [boxes])[0].totals) == ["mAP"]
    boxes.write_text("image,label\na.jpg,dog\nb.jpg,\n")
    with pytest.raises(ConfigError, match="nothing to measure: no picture has an object"):
        evaluate_wsol(two, [boxes])


def test_a_label_leaves_only_its_boxes(two: Path, boxes: Path) -> None:
    totals = evaluate_wsol(two, [boxes], label="text")[0].totals
    assert (totals["MaxBoxAcc"].pictures, totals["MaxBoxAcc"].score) == (1, 1)
    with pytest.raises(ConfigError, match=r"--label dog: .*truth.csv knows cat, text"):
        evaluate_wsol(two, [boxes], label="dog")


def test_partners_that_are_missing_are_named(
    two: Path, boxes: Path, write_boxes: Callable[..., Path]
) -> None:
    write_boxes("c.jpg")
    with pytest.raises(ConfigError, match=r"truth.csv: no ground truth for c of .*out$"):
        evaluate_wsol(two, [boxes])
    boxes.write_text(boxes.read_text() + "c.jpg,cat,0,0,9,9\nd.jpg,cat,0,0,9,9\n")
    with pytest.raises(ConfigError, match=r"no boxes for d of .*truth.csv; look into its failures"):
        evaluate_wsol(two, [boxes])


def test_pictures_that_the_run_failed_on_are_left_out_and_told(two: Path, boxes: Path) -> None:
    boxes.write_text(boxes.read_text() + "broken.jpg,cat,0,0,9,9\n")
    prepare_output(two)
    write_failures(two, FAILURES, [Failure("x/broken.jpg", "load", "ImageError", "broken", 1)])
    report, left_out = evaluate_wsol(two, [boxes])
    assert left_out == ["broken"]
    assert [one.name for one in report.pictures] == ["a", "b"]


def test_a_run_of_todays_pipeline_is_scored(
    pictures: Path, tmp_path: Path, run_digits: Callable[..., dict[str, object]]
) -> None:
    output = tmp_path / "out"
    run_digits(pictures / "signs", output, "output.heatmaps=true")
    truth = tmp_path / "truth.csv"
    rows = ["text.PNG,0,0,448,172", "camera.bmp,0,0,96,160"]
    truth.write_text("\n".join(["image,xmin,ymin,xmax,ymax", *rows, ""]))
    totals = evaluate_wsol(output, [truth])[0].totals
    assert totals["MaxBoxAccV2"].whole_picture == 1
    assert totals["MaxBoxAccV2"].score == 1, "at threshold 0 every map is the whole picture"


DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[5] / "shared" / "data"))


def test_real_ground_truth_is_read() -> None:
    folder = DATA / "objects"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; LOCPIPE_DATA names the folder of data sets")
    horse = read_truth([folder / "horse/boxes_from_masks.csv", folder / "horse/figure_ground"])
    assert len(horse.stems()) == 328
    rows, columns = np.nonzero(read_mask(horse.masks["horse001"], (800, 590)))
    (thing,) = horse.things["horse001"]
    around = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert thing.box == pytest.approx(around, abs=3)
    kangaroo = read_truth([folder / "kangaroo/annots"])
    assert sum(map(len, kangaroo.things.values())) == 107 + 64 + 39 + 28 + 20 + 8
