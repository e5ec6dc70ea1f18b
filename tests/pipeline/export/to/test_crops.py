"""Crops and their list: upright text, and the way back to the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_fixtures import Export, ExportedSign, MakeRun


def listed(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "crops.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_is_upright_and_leads_back_to_the_upright_page(
    exported_sign: ExportedSign, sign: Image.Image, boxes: list[dict[str, Any]], orientation: int
) -> None:
    folder = exported_sign("crops", orientation)
    first, second, third = listed(folder)
    assert first["crop"] == "crops/s/a.png/0000.png"
    with Image.open(folder / first["crop"]) as crop:
        assert crop.size == (first["width"], first["height"]) == (106, 36)
        pixels = np.asarray(crop)
    x, y, _ = np.array(first["to_page"]) @ (0, 0, 1)
    assert (x, y) == (17, 27)
    np.testing.assert_array_equal(pixels, np.asarray(sign)[27:63, 17:123])
    assert (second["label"], second["box"], second["line"], second["curved"]) == (boxes[1]["label"], 1, 0, False)  # fmt: skip
    assert (third["picture"], third["page"], third["curved"]) == ("s/a.png", 1, True)


def test_pictures_follow_each_other_in_the_list(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    made = {"b.png": (sign, 1, boxes), "a.png": (sign, 1, boxes[:1]), "c.png": (sign, 1, [])}
    lines = listed(exported(make_run(made), "crops"))
    assert [(line["picture"], line["box"]) for line in lines] == [("a.png", 0), *(("b.png", n) for n in range(3))]  # fmt: skip
