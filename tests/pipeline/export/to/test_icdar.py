"""ICDAR's result files: eight integers per line, upright page."""

import pytest
from run_fixtures import ExportedSign


@pytest.mark.parametrize("orientation", range(1, 9))
def test_eight_integers_clockwise_from_the_top_left(
    exported_sign: ExportedSign, orientation: int
) -> None:
    file = exported_sign("icdar", orientation) / "icdar" / "s" / "a.png.txt"
    lines = file.read_text().splitlines()
    assert lines[:2] == ["20,30,120,30,120,60,20,60", "133,28,201,40,198,68,130,56"]
    assert lines[2] == "20,70,140,70,140,110,20,110"
