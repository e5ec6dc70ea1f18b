import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from locpipe.pipeline.evaluation.wsol.boxes import accuracies, box_iou, max_box_acc, swept_ious
from locpipe.pipeline.evaluation.wsol.levels import levels

HEAT = np.zeros((10, 10))
HEAT[1:5, 1:5] = 0.4
HEAT[2:4, 2:4] = 0.8
HEAT[7:9, 6:10] = 1.0

maps = arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=16)
)


def boxes_in(width: int, height: int) -> st.SearchStrategy[np.ndarray]:
    def of(side: int) -> st.SearchStrategy[tuple[int, int]]:
        return st.tuples(st.integers(0, side - 1), st.integers(1, side)).filter(
            lambda ends: ends[0] < ends[1]
        )

    box = st.tuples(of(width), of(height)).map(
        lambda b: [b[0][0], b[1][0], b[0][1], b[1][1]],
    )
    return st.lists(box, min_size=1, max_size=3).map(np.array)


def test_iou_of_boxes() -> None:
    found = np.array([[0, 0, 4, 4], [8, 8, 9, 9]])
    truth = np.array([[2, 0, 6, 4], [0, 0, 4, 4], [5, 5, 5, 5]])
    assert box_iou(found, truth) == pytest.approx(np.array([[8 / 24, 1, 0], [0, 0, 0]]))


def test_the_hand_worked_sweep() -> None:
    """At 0: all; to 0.4: both regions; to 0.8: core and bar; to 1: the bar alone."""
    largest, best = swept_ious(HEAT, np.array([[1, 1, 5, 5]]), normalize="none")
    assert largest[0] == best[0] == pytest.approx(16 / 100)
    assert (best[1:103] == 1).all()
    assert (largest[1:103] == 1).all()
    assert best[103:205] == pytest.approx(4 / 16)
    assert (largest[103:205] == 0).all(), "now the bar is the largest"
    assert (best[205:] == 0).all()


def test_max_box_acc_takes_the_largest_region_and_v2_any() -> None:
    """Three pictures with the same heat; no threshold makes the core the largest region."""
    truth = [np.array([box]) for box in ([1, 1, 5, 5], [6, 7, 10, 9], [2, 2, 4, 4])]
    found = max_box_acc([HEAT] * 3, truth, normalize="none")
    assert found.max_box_acc == pytest.approx(1 / 3)
    assert found.at == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert found.max_box_acc_v2 == pytest.approx(2 / 3)
    assert found.thresholds == pytest.approx((1 / 255,) * 3)


def test_every_iou_has_its_own_best_threshold() -> None:
    """Objects of 10 x 4: all 10 rows fit 0.3, the 8 of heat 0.5 fit 0.5, the 5 of heat 1 fit 0.7."""
    heat = np.zeros((10, 10))
    heat[:8] = 0.5
    heat[:5] = 1
    far = np.zeros((10, 10))
    far[:4] = 0.5
    truth = [np.array([[0, 0, 10, 4]])] * 2
    both = max_box_acc([heat, far], truth, normalize="none")
    assert (both.at, both.max_box_acc) == ((1, 1, 0.5), 1)
    assert both.thresholds == pytest.approx((0, 1 / 255, 1 / 255))
    alone = max_box_acc([heat], truth[:1], normalize="none")
    assert alone.max_box_acc_v2 == 1
    assert alone.thresholds == pytest.approx((0, 1 / 255, 129 / 255))


def test_an_iou_of_exactly_a_half_counts() -> None:
    heat = np.zeros((4, 4))
    heat[:, :2] = 1
    assert max_box_acc([heat], [np.array([[0, 0, 4, 4]])]).max_box_acc == 1
    assert max_box_acc([heat], [np.array([[0, 0, 1, 4]])]).max_box_acc == 1


def test_one_of_several_objects_is_enough() -> None:
    heat = np.zeros((10, 10))
    heat[1:5, 1:5] = 1
    both = np.array([[1, 1, 5, 5], [7, 7, 9, 9]])
    assert max_box_acc([heat], [both]).at == (1, 1, 1)


def test_a_region_inside_a_hole_is_one_of_its_own_and_a_hole_is_none() -> None:
    heat = np.ones((11, 11))
    heat[1:10, 1:10] = 0
    assert max_box_acc([heat], [np.array([[1, 1, 10, 10]])]).at == (1, 1, 0), "81 / 121"
    heat[4:7, 4:7] = 1
    assert max_box_acc([heat], [np.array([[4, 4, 7, 7]])]).at == (1, 1, 1)


def test_minmax_makes_up_for_dim_pictures_and_none_does_not() -> None:
    dim = np.zeros((10, 10))
    dim[:4] = 0.2
    bright = np.full((10, 10), 0.5)
    bright[:4] = 1
    truth = [np.array([[0, 0, 10, 4]])] * 2
    assert max_box_acc([dim, bright], truth).at[2] == 1
    assert max_box_acc([dim, bright], truth, normalize="none").at[2] == 0.5


@given(maps, st.data())
def test_the_sweep_is_the_definition(heat: np.ndarray, data: st.DataObject) -> None:
    truth = data.draw(boxes_in(heat.shape[1], heat.shape[0]))
    _, best = swept_ious(heat, truth)
    level = levels(heat, "minmax")
    for threshold in (0, 1, 100, 254, 255):
        marks, _ = ndimage.label(level >= threshold, np.ones((3, 3)))
        ious = [0.0]
        for (rows, columns), box in itertools.product(ndimage.find_objects(marks), truth):
            found, known = np.zeros(heat.shape, np.bool_), np.zeros(heat.shape, np.bool_)
            found[rows, columns] = True
            known[box[1] : box[3], box[0] : box[2]] = True
            ious.append((found & known).sum() / (found | known).sum())
        assert best[threshold] == pytest.approx(max(ious))


@given(maps, st.data())
def test_any_component_fits_at_least_as_well_as_the_largest(
    heat: np.ndarray, data: st.DataObject
) -> None:
    truth = data.draw(boxes_in(heat.shape[1], heat.shape[0]))
    largest, best = swept_ious(heat, truth)
    assert (largest <= best).all()
    assert 0 <= largest.min() <= best.max() <= 1


@given(maps, st.data())
def test_a_mirrored_picture_scores_the_same_by_any_component(
    heat: np.ndarray, data: st.DataObject
) -> None:
    width = heat.shape[1]
    truth = data.draw(boxes_in(width, heat.shape[0]))
    mirrored = np.stack([width - truth[:, 2], truth[:, 1], width - truth[:, 0], truth[:, 3]], 1)
    assert swept_ious(heat, truth)[1] == pytest.approx(swept_ious(heat[:, ::-1], mirrored)[1])


def test_samples_of_pictures_weigh_them() -> None:
    ious = np.zeros((2, 2, 256), np.float32)
    ious[0, :, :100] = 0.6
    ious[1, :, 100:] = 0.6
    largest, at, _ = accuracies(ious, np.array([[1.0, 1], [2, 0], [1, 3]]))
    assert largest.tolist() == [0.5, 1, 0.75]
    assert at.tolist() == [[0.5, 0.5, 0], [1, 1, 0], [0.75, 0.75, 0]]


def test_maps_and_truth_must_pair() -> None:
    with pytest.raises(ValueError, match="shorter"):
        max_box_acc([HEAT, HEAT], [np.array([[0, 0, 1, 1]])])
