"""Upright to stored: the same as Pillow turns pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.export.frames import as_stored, rect_as_stored
from locpipe.pipeline.output.archive import open_run
from locpipe.stages.load import load

MakeRun = Callable[[dict[str, Any]], Path]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_point_and_a_rectangle_are_found_on_the_stored_picture(
    make_run: MakeRun, sign: Image.Image, orientation: int
) -> None:
    folder = make_run({"a.png": (sign, orientation, [])})
    (page,) = open_run(folder / "out").pages()
    with Image.open(folder / "pictures" / "a.png") as file:
        stored = np.asarray(file.convert("RGB"))
    upright = load(folder / "pictures" / "a.png").rgb
    np.testing.assert_array_equal(upright, np.asarray(sign))
    assert stored.shape[:2] == (page.stored_height, page.stored_width)
    for rect in ((20, 30, 60, 40), (100, 50, 120, 60)):
        left, top, right, bottom = rect_as_stored(rect, page)
        inside = stored[top:bottom, left:right]
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) == 1
        np.testing.assert_array_equal(inside[0, 0], upright[rect[1], rect[0]])
        assert inside.size == 3 * (rect[2] - rect[0]) * (rect[3] - rect[1])
    x, y = as_stored((20.5, 30.5), page)
    np.testing.assert_array_equal(stored[int(y), int(x)], (200, 0, 0))
