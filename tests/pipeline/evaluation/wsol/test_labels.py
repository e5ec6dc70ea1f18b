import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from locpipe.pipeline.evaluation.wsol.labels import (
    average_precision,
    average_precisions,
    mean_average_precision,
)

scores = arrays(np.float64, 8, elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1]))
truths = arrays(np.bool_, 8).filter(np.any)


def test_the_hand_worked_case() -> None:
    """Ranked 1 0 1 0: precision 1 at the first positive, 2/3 at the second."""
    truth = np.array([False, False, True, True])
    assert average_precision(np.array([0.1, 0.4, 0.35, 0.8]), truth) == pytest.approx(5 / 6)


def test_equal_scores_are_taken_at_once() -> None:
    truth = np.array([True, False, True, False])
    assert average_precision(np.zeros(4), truth) == 0.5
    assert average_precision(np.array([1.0, 1, 0, 0]), truth) == 0.5 * 0.5 + 0.5 * 0.5


def test_the_mean_is_over_labels_that_occur() -> None:
    both = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.3]])
    truth = np.array([[True, True, False], [False, False, False]])
    assert mean_average_precision(both, truth) == pytest.approx((1 + 0.5) / 2)
    with pytest.raises(ValueError, match="no picture has any"):
        mean_average_precision(both, np.zeros((2, 3), np.bool_))


@given(scores, truths)
def test_it_is_the_sum_of_steps(score: np.ndarray, truth: np.ndarray) -> None:
    area, recall = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        found = score >= threshold
        reached = (found & truth).sum() / truth.sum()
        area += (found & truth).sum() / found.sum() * (reached - recall)
        recall = reached
    assert average_precision(score, truth) == pytest.approx(area)


@given(scores, truths)
def test_only_the_order_of_scores_counts(score: np.ndarray, truth: np.ndarray) -> None:
    assert average_precision(score**3 - 7, truth) == average_precision(score, truth)


@given(scores, truths, arrays(np.int64, 8, elements=st.integers(0, 3)))
def test_a_sample_is_the_set_with_pictures_repeated(
    score: np.ndarray, truth: np.ndarray, times: np.ndarray
) -> None:
    (sampled,) = average_precisions(score, truth, times[None].astype(np.float64))
    repeated, known = np.repeat(score, times), np.repeat(truth, times)
    if known.any():
        assert sampled == pytest.approx(average_precision(repeated, known))
    else:
        assert np.isnan(sampled)
