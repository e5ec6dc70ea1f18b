"""Large letters from a picture shown smaller: on maps drawn by hand, and on drawn letters."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.coarse import add_large
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.load import Image
from locpipe.stages.localize import localize_image
from locpipe.stages.models.loading import find_model, load_model

PICTURE = (640, 480)
FINE = Grid((120, 160), (4, 4), (2, 2), PICTURE)
COARSE = Grid((30, 40), (16, 16), (8, 8), PICTURE)
Heat = NDArray[np.float32]


def maps() -> tuple[Heat, Heat]:
    return np.zeros(FINE.shape, np.float32), np.zeros(COARSE.shape, np.float32)


def added(fine: Heat, coarse: Heat) -> Heat:
    result = fine.copy()
    add_large(result, FINE, coarse, COARSE)
    return result


def test_a_large_core_takes_the_place_of_what_was_found_of_its_outline() -> None:
    fine, coarse = maps()
    coarse[10:20, 10:30] = 0.9
    fine[38:40, 40:70] = 0.9  # on the edge of the core
    fine[100:104, 4:20] = 0.9  # another word
    found = added(fine, coarse)
    assert (found[44:76, 44:116] > 0.8).all()
    assert not found[38, 40:70].max() > 0.8
    np.testing.assert_array_equal(found[90:], fine[90:])


@pytest.mark.parametrize(("thick", "heat"), [(4, 0.9), (10, 0.7)])
def test_what_is_thin_or_unsure_adds_nothing(thick: int, heat: float) -> None:
    fine, coarse = maps()
    coarse[10 : 10 + thick, 10:30] = heat
    np.testing.assert_array_equal(added(fine, coarse), fine)


def test_lines_of_a_paragraph_stay_lines() -> None:
    fine, coarse = maps()
    coarse[5:25, 5:35] = 0.9
    for top in range(24, 96, 8):
        fine[top : top + 3, 24:136] = 0.9
    np.testing.assert_array_equal(added(fine, coarse), fine)


def test_what_both_scales_find_is_one_component() -> None:
    fine, coarse = maps()
    coarse[10:16, 10:30] = 0.9
    fine[40:64, 38:122] = 0.9
    np.testing.assert_array_equal(added(fine, coarse), fine)


def test_one_large_core_does_not_join_what_is_two_words() -> None:
    fine, coarse = maps()
    coarse[10:18, 4:36] = 0.9
    fine[40:72, 16:70] = fine[40:72, 80:140] = 0.9
    np.testing.assert_array_equal(added(fine, coarse), fine)


def test_a_blob_too_thick_for_its_field_gives_way() -> None:
    fine, coarse = maps()
    coarse[10:20, 10:20] = 0.9
    fine[20:105, 40:150] = 0.9
    assert not added(fine, coarse)[60, 90:].any()


@pytest.mark.parametrize("model", ["text", "text-large"])
def test_letters_of_every_size_are_found_in_one_run(model: str) -> None:
    """Shown at their own size, to be quick."""
    config = read_settings(find_config(model), Config).config
    update = {"enlarge_to": None, "precision": "float32"}
    config = config.model_copy(update={"infer": config.infer.model_copy(update=update)})
    canvas = Canvas.new("RGB", (1500, 620), (226, 221, 205))
    pen, wanted = ImageDraw.Draw(canvas), []
    words = (("HB", 600, 60), ("Harbour", 80, 1000), ("Pier", 24, 1000))
    for number, (word, size, left) in enumerate(words):
        font, top = ImageFont.load_default(size), (-80, 60, 320)[number]
        pen.text((left, top), word, (40, 50, 80), font)
        wanted.append(pen.textbbox((left, top), word, font))
    rgb = np.asarray(canvas)
    image = Image(rgb, Path("a.png"), 1, 1, 1, *canvas.size)
    found = localize_image(image, load_model(find_model(model)), config).boxes.items
    assert len(found) == len(wanted)
    for rect in wanted:
        slack = 0.25 * (rect[3] - rect[1]) + 4
        assert any(np.abs(np.subtract(box.rect, rect)).max() < slack for box in found)
