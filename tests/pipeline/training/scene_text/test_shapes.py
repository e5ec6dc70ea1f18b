import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.pose import rectangle
from locpipe.pipeline.training.scene_text.shapes import OUTLINES, fill, polygon_mask


@pytest.mark.parametrize("outline", OUTLINES)
def test_outlines_lie_in_the_unit_square(outline: np.ndarray) -> None:
    assert outline.shape[1] == 2
    assert outline.min() >= -1e-9
    assert outline.max() <= 1 + 1e-9


def test_polygon_covers_whole_pixels_exactly() -> None:
    mask = polygon_mask(rectangle(2, 3, 6, 5), (8, 9))
    assert (mask[3:5, 2:6] == 255).all()
    assert mask[0].sum() == mask[7].sum() == mask[:, 8].sum() == 0


def test_fill_paints_in_place_and_bears_far_points() -> None:
    rgb = np.zeros((10, 10, 3), np.uint8)
    fill(rgb, rectangle(-1e6, -1e6, 1e6, 1e6), np.array([10.0, 20, 30]))
    assert (rgb == (10, 20, 30)).all()
