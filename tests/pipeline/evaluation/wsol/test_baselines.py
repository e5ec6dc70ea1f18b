import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.wsol import centre_gaussian, max_box_acc, pointing, pxap
from locpipe.pipeline.evaluation.wsol.baselines import whole_picture

sides = st.integers(1, 40)


@given(sides, sides)
def test_the_whole_picture_is_one_box(width: int, height: int) -> None:
    heat = whole_picture(width, height)
    assert heat.shape == (height, width)
    everything = np.array([[0, 0, width, height]])
    assert max_box_acc([heat], [everything]).at == (1, 1, 1)


def test_the_whole_picture_scores_what_the_object_covers() -> None:
    mask = np.zeros((10, 10), np.bool_)
    mask[:3] = True
    heat = whole_picture(10, 10)
    quality = pxap([heat], [mask])
    assert (round(quality.pxap, 9), round(quality.iou, 9)) == (0.3, 0.3)
    assert pointing([heat], [mask], tolerance=0) == 0.3


@given(sides, sides)
def test_the_gaussian_is_symmetric_and_hottest_in_the_middle(width: int, height: int) -> None:
    heat = centre_gaussian(width, height)
    assert heat.shape == (height, width)
    assert np.allclose(heat, heat[::-1, ::-1])
    assert np.isclose(heat.max(), heat[height // 2, width // 2])
    assert 0 <= heat.min() <= heat.max() <= 1


def test_the_gaussian_is_as_wide_as_the_picture() -> None:
    heat = centre_gaussian(40, 20)
    assert np.allclose(heat[10, 29:31].mean(), heat[14:16, 20].mean(), atol=1e-2)
