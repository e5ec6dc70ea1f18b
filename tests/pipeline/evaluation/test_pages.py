"""Pages by stem, and what stands in the way of that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from locpipe.pipeline.evaluation.pages import polygons_of, read_run
from locpipe.stages.errors import ConfigError

QUAD = [[10, 20], [110, 20], [110, 52], [10, 52]]


def test_boxes_are_read_as_polygons(run: Path, write_boxes: Callable[..., Path]) -> None:
    curved = [[0, 0], [5, 1], [10, 0], [10, 9], [5, 10], [0, 9]]
    write_boxes("signs/a.jpg", [(QUAD, 0), (curved, 1)], width=1280, height=720)
    (page,) = read_run(run).values()
    assert page.size == (1280, 720)
    assert [polygon.tolist() for polygon in polygons_of(page)] == [QUAD, curved]


def test_a_run_is_read_by_stem_of_picture_and_page(
    run: Path, write_boxes: Callable[..., Path]
) -> None:
    write_boxes("b/scan.tif", page=1)
    write_boxes("b/scan.tif", page=2)
    write_boxes("a.v2.jpg")
    (run / "run.json").write_text("{}")
    assert list(read_run(run)) == ["a.v2", "scan", "scan.page-2"]


def test_names_that_are_not_utf8_survive(run: Path, write_boxes: Callable[..., Path]) -> None:
    write_boxes("caf\udce9.jpg")
    assert list(read_run(run)) == ["caf\udce9"]


def test_two_pictures_of_one_name_are_named(run: Path, write_boxes: Callable[..., Path]) -> None:
    first, second = write_boxes("a/x.jpg"), write_boxes("b/x.png")
    with pytest.raises(ConfigError, match="same name") as caught:
        read_run(run)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_a_folder_that_is_no_run_is_named(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"out/boxes: no box files.*locpipe run"):
        read_run(run)


def test_a_damaged_box_file_is_named(run: Path, write_boxes: Callable[..., Path]) -> None:
    file = write_boxes("a.jpg")
    file.write_text("{")
    with pytest.raises(
        ConfigError, match=r"a\.jpg\.json: cannot be read .*remove it and run again"
    ):
        read_run(run)
    file.unlink()  # as every box JSON that a test leaves behind must fit the schema
