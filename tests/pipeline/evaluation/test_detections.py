import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from locpipe.pipeline.evaluation.detections import read_result, read_run
from locpipe.stages.errors import ConfigError

QUAD = [[10, 20], [110, 20], [110, 52], [10, 52]]


def test_a_box_file_is_read(write_boxes: Callable[..., Path]) -> None:
    curved = [[0, 0], [5, 1], [10, 0], [10, 9], [5, 10], [0, 9]]
    file = write_boxes(
        "signs/a.jpg",
        [(QUAD, 0), (curved, 1)],
        width=1280,
        height=720,
        stored_width=720,
        stored_height=1280,
        exif_orientation=6,
    )
    result = read_result(file)
    assert result.file == file
    assert result.stem == "a"
    assert result.size == (1280, 720)
    assert result.stored_size == (720, 1280)
    assert result.orientation == 6
    assert [box.polygon.tolist() for box in result.detections] == [QUAD, curved]
    assert [box.line for box in result.detections] == [0, 1]


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


def _without_width(document: dict[str, Any]) -> None:
    del document["image"]["width"]


def _of_another_schema(document: dict[str, Any]) -> None:
    document["schema"] = "locpipe/boxes/2"


def _two_points(document: dict[str, Any]) -> None:
    document["boxes"][0]["polygon"] = QUAD[:2]


def _flat(document: dict[str, Any]) -> None:
    document["boxes"][0]["polygon"] = [1, 2, 3, 4]


def _in_space(document: dict[str, Any]) -> None:
    document["boxes"][0]["polygon"] = [[x, y, 0] for x, y in QUAD]


def _nan(document: dict[str, Any]) -> None:
    document["boxes"][0]["polygon"] = [*QUAD[:3], [float("nan"), 0]]


def _ragged(document: dict[str, Any]) -> None:
    document["boxes"][0]["polygon"] = [[1, 2], [3]]


def _without_line(document: dict[str, Any]) -> None:
    del document["boxes"][0]["line"]


def _box_of_text(document: dict[str, Any]) -> None:
    document["boxes"][0] = "box"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_without_width, "width"),
        (_of_another_schema, "locpipe/boxes/2"),
        (_two_points, "three or more points"),
        (_flat, "three or more points"),
        (_in_space, "three or more points"),
        (_nan, "three or more points"),
        (_ragged, "ValueError"),
        (_without_line, "line"),
        (_box_of_text, "TypeError"),
    ],
)
def test_a_damaged_box_file_is_named(
    tmp_path: Path,
    write_boxes: Callable[..., Path],
    damage: Callable[[dict[str, Any]], None],
    reason: str,
) -> None:
    document = json.loads(write_boxes("a.jpg", [(QUAD, 0)]).read_bytes())
    damage(document)
    file = tmp_path / "damaged.json"
    file.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=reason) as caught:
        read_result(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_other_files_are_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.jpg.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.jpg\.json: not a box file"):
        read_result(file)
