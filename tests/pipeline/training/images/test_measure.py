import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from locpipe.pipeline.training.images.measure import ImagesQuality, measure, right
from locpipe.pipeline.training.images.shown import Shown
from locpipe.stages.nets import Network

SCORES = np.array([[2, 1], [0, 3], [-1, -2], [1, 4]], np.float32)
TARGETS = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.bool_)


def test_a_picture_is_right_when_its_class_scores_most() -> None:
    assert right(SCORES, TARGETS, multi_label=False)[:, 0].tolist() == [True, False, True, True]
    quality = ImagesQuality(0.0, SCORES, TARGETS, multi_label=False)
    assert quality.accuracy == 0.75
    assert quality.per_class() == pytest.approx((2 / 3, 1.0))


def test_with_several_labels_each_decision_is_right_for_itself() -> None:
    expected = [[1, 0], [0, 0], [0, 1], [0, 1]]
    assert right(SCORES, TARGETS, multi_label=True).tolist() == np.array(expected, bool).tolist()
    quality = ImagesQuality(0.0, SCORES, TARGETS, multi_label=True)
    assert quality.accuracy == 0.375
    assert quality.per_class() == pytest.approx((1 / 3, 1.0))


def test_a_class_that_no_picture_shows_has_no_share() -> None:
    quality = ImagesQuality(0.0, SCORES, TARGETS & [True, False], multi_label=True)
    assert np.isnan(quality.per_class()[1])


def test_average_precision_ranks_by_how_sure_it_is() -> None:
    """With one label by the probability: a large score that others share says little."""
    scores = np.array([[9, 9], [3, 0], [8, 9]], np.float32)
    targets = np.array([[0, 1], [1, 0], [0, 1]], np.bool_)
    assert ImagesQuality(0.0, scores, targets, multi_label=False).mean_average_precision == 1
    assert ImagesQuality(0.0, scores, targets, multi_label=True).mean_average_precision < 1


@pytest.mark.parametrize("features", [False, True])
def test_a_network_is_measured_on_pictures_or_features(features: bool) -> None:  # noqa: FBT001 - a parameter
    network = Network(nn.Identity(), nn.Flatten()).train()
    x = torch.from_numpy(SCORES)[..., None, None]
    shown = Shown(x, torch.from_numpy(TARGETS), None if features else lambda x: x)
    quality = measure(network, shown, "log", multi_label=False, low=False)
    np.testing.assert_array_equal(quality.scores, SCORES)
    labels = torch.tensor([0, 0, 0, 1])
    expected = functional.cross_entropy(torch.from_numpy(SCORES), labels)
    assert quality.error == pytest.approx(float(expected))
    assert not network.training
