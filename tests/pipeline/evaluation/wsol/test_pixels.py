import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from locpipe.pipeline.evaluation.wsol.labels import average_precision
from locpipe.pipeline.evaluation.wsol.levels import levels
from locpipe.pipeline.evaluation.wsol.pixels import (
    histograms,
    mask_iou,
    mean_ious,
    precision_areas,
    pxap,
)

shape = (4, 5)
heats = arrays(np.float64, shape, elements=st.floats(0, 1, width=16))
masks = arrays(np.bool_, shape)
some = masks.filter(np.any)


def test_the_hand_worked_case() -> None:
    """Heat 1 finds 1 of 2 object pixels alone, 0.5 adds the other and one of background."""
    heat = np.array([[1, 0.5, 0.5, 0]])
    mask = np.array([[True, True, False, False]])
    quality = pxap([heat], [mask])
    assert quality.pxap == pytest.approx(1 * 1 / 2 + 2 / 3 * 1 / 2)
    assert quality.iou == pytest.approx(2 / 3)
    assert quality.threshold == pytest.approx(1 / 255)


def test_pictures_count_the_same_whatever_their_size() -> None:
    """One picture right throughout, one wrong: the curve has 1/2 of the object pixels each."""
    small, large = np.zeros((2, 2)), np.zeros((20, 20))
    small[0], large[0:10] = 1, 1
    right = pxap([small, large], [small > 0, large == 0])
    left = pxap([small, large], [small == 0, large > 0])
    assert right.pxap == pytest.approx(left.pxap)
    assert right.iou == pytest.approx(0.5), "each picture is half object: 0.5 at threshold 0"


@given(heats, some)
def test_pxap_is_the_average_precision_of_pixels(heat: np.ndarray, mask: np.ndarray) -> None:
    level = levels(heat, "minmax")
    expected = average_precision(level.ravel().astype(np.float64), mask.ravel())
    assert pxap([heat], [mask]).pxap == pytest.approx(expected)


@given(st.lists(st.tuples(heats, some), min_size=1, max_size=3))
def test_iou_is_the_definition(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    quality = pxap(*zip(*pairs, strict=True), normalize="none")
    by_threshold = [
        np.mean([mask_iou(levels(heat, "none") >= t, mask) for heat, mask in pairs])
        for t in range(256)
    ]
    assert quality.iou == pytest.approx(max(by_threshold))
    assert by_threshold[round(quality.threshold * 255)] == pytest.approx(quality.iou)


@given(some)
def test_a_mask_finds_itself(mask: np.ndarray) -> None:
    quality = pxap([mask.astype(np.float64)], [mask])
    assert quality.pxap == pytest.approx(1)
    assert quality.iou == 1


@given(heats, masks)
def test_both_lie_in_0_1(heat: np.ndarray, mask: np.ndarray) -> None:
    quality = pxap([heat], [mask])
    assert 0 <= quality.pxap <= 1 + 1e-9
    assert 0 <= quality.iou <= 1


def test_samples_of_pictures_weigh_them() -> None:
    heat = np.array([[1.0, 0.0]])
    rows = np.stack([histograms(heat, heat > 0), histograms(heat, heat == 0)])
    times = np.array([[1.0, 0], [0, 2], [1, 1]])
    assert precision_areas(rows, times).tolist() == [1, 0.5, 0.5]
    assert mean_ious(rows, times)[0].tolist() == [1, 0.5, 0.5]


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the same size"):
        pxap([np.zeros((2, 3))], [np.zeros((3, 2), np.bool_)])


@given(masks, masks)
def test_iou_of_masks(one: np.ndarray, other: np.ndarray) -> None:
    iou = mask_iou(one, other)
    assert iou == mask_iou(other, one)
    assert (iou == 1) == bool((one == other).all())
    assert 0 <= iou <= 1
