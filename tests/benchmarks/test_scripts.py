import json
import random
from pathlib import Path

import numpy as np
import pytest
from reading_order_pages import Sheet
from scripts import COLUMNS, LOCALES, covered, page

from locpipe.pipeline.training.scene_text.scripts import SCRIPTS, ScriptName


def test_words_that_boxes_cover_to_a_half_are_found(tmp_path: Path) -> None:
    rects = np.array([[10, 10, 50, 30], [60, 10, 100, 30], [110, 10, 150, 30]], np.float64)
    sheet = Sheet("latin", "ltr", "", ("a", "b", "c"), rects, (0, 0, 0), (False,) * 3)
    boxes = [
        [[10, 10], [50, 10], [50, 30], [10, 30]],  # the first word
        [[60, 10], [75, 10], [75, 30], [60, 30]],  # a third of the second
        [[300, 300], [340, 300], [340, 320], [300, 320]],  # nothing
    ]
    document = tmp_path / "page.json"
    document.write_text(json.dumps({"boxes": [{"polygon": polygon} for polygon in boxes]}))
    assert covered(sheet, document) == (3, 1, 3, 1)


def test_every_script_of_the_renderer_has_pages() -> None:
    assert set(LOCALES) == {*SCRIPTS, "latin", *COLUMNS}


@pytest.mark.parametrize("name", ["arabic", "thai", "hangul"])
def test_pages_are_written_in_their_script(name: ScriptName) -> None:
    html = page(LOCALES[name], upright=False)(random.Random(0))
    letters = set(SCRIPTS[name].letters)
    assert sum(letter in letters for letter in html) > 1000
