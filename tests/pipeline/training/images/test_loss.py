import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from locpipe.pipeline.training.images.loss import error_of, mantra, mantra_multi_label

Scores = NDArray[np.float32]
three_scores = arrays(np.float32, (4, 3), elements=st.floats(-10, 10, width=32))


def structured_hinge(scores: Scores, labels: list[int]) -> float:
    """Durand et al. 2015, equation 4: the most violating class, looked for one by one."""
    errors = []
    for row, right in zip(scores.astype(np.float64), labels, strict=True):
        violations = [float(y != right) + row[y] - row[right] for y in range(len(row))]
        errors.append(max(violations))
    return float(np.mean(errors))


@settings(deadline=None)
@given(three_scores, st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_mantra_is_the_margin_rescaled_hinge(scores: Scores, labels: list[int]) -> None:
    found = mantra(torch.from_numpy(scores), torch.tensor(labels))
    np.testing.assert_allclose(float(found), structured_hinge(scores, labels), rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(three_scores, arrays(np.bool_, (4, 3)))
def test_of_several_labels_it_is_the_maximum_over_all_label_vectors(
    scores: Scores, targets: NDArray[np.bool_]
) -> None:
    errors = []
    for row, shown in zip(scores.astype(np.float64), targets, strict=True):
        truth = np.where(shown, 1, -1)
        vectors = [np.array(y) for y in itertools.product((-1, 1), repeat=3)]
        worst = max(np.sum(y != truth) + y @ row / 2 for y in vectors)
        errors.append((worst - truth @ row / 2) / 3)
    found = mantra_multi_label(torch.from_numpy(scores), torch.from_numpy(targets))
    np.testing.assert_allclose(float(found), np.mean(errors), rtol=1e-4, atol=1e-4)


def test_a_margin_of_one_is_enough() -> None:
    scores = torch.tensor([[2.0, 1.0, -3.0], [0.0, 5.0, 4.0]])
    assert float(mantra(scores, torch.tensor([0, 1]))) == 0
    assert float(mantra(scores, torch.tensor([1, 1]))) == 1


def test_each_setting_has_its_error() -> None:
    scores, targets = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[True, False, False]])
    x = scores.double().numpy()[0]
    softmax = -np.log(np.exp(x[0]) / np.exp(x).sum())
    binary = np.mean([np.log1p(np.exp(-x[0])), np.log1p(np.exp(x[1])), np.log1p(np.exp(x[2]))])
    expected = {("log", False): softmax, ("log", True): binary, ("mantra", False): 0.5}
    expected["mantra", True] = (0 + 0 + 1.5) / 3
    for (loss, multi_label), error in expected.items():
        found = error_of(scores, targets, loss, multi_label=multi_label)  # type: ignore[arg-type] # a key
        np.testing.assert_allclose(float(found), error, rtol=1e-5)
