"""ICDAR's result files: eight integers a line, upright page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

MakeRun = Callable[[dict[str, Any]], Path]
Export = Callable[..., Path]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_eight_integers_clockwise_from_the_top_left(
    make_run: MakeRun,
    exported: Export,
    sign: Image.Image,
    boxes: list[dict[str, Any]],
    orientation: int,
) -> None:
    folder = exported(make_run({"s/a.png": (sign, orientation, boxes)}), "icdar")
    lines = (folder / "icdar" / "s" / "a.png.txt").read_text().splitlines()
    assert lines[:2] == ["20,30,120,30,120,60,20,60", "133,28,201,40,198,68,130,56"]
    assert lines[2] == "20,70,140,70,140,110,20,110"
