"""What a classifier does with F, against classifiers whose answer is known."""

import pytest
import torch
from torch import nn

from locpipe.stages.models.loading import Model
from locpipe.stages.nets import Network
from locpipe.stages.nets.head import read_head, takes_any_size

GAP = (nn.AdaptiveAvgPool2d(1), nn.Flatten())


def seeded(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return nn.Sequential(*layers).eval()


def test_the_weights_of_cam_are_found_through_dropout_and_batch_norm() -> None:
    linear, norm = nn.Linear(6, 3), nn.BatchNorm1d(6)
    classifier = seeded(*GAP, nn.Dropout(0.5), norm, linear)
    assert norm.running_var is not None
    norm.running_var.fill_(4)
    head = read_head(classifier, 6)
    assert head.pooled
    assert head.weights is not None
    expected = linear.weight.T / (4 + norm.eps) ** 0.5
    torch.testing.assert_close(head.weights, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "any_size", "pooled"),
    [
        ((*GAP, nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), True, True),
        ((nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 3)), True, False),
        ((nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 3)), True, False),
        ((nn.Flatten(), nn.Linear(24, 3)), False, False),
        ((nn.Conv2d(6, 3, 1),), False, False),  # an answer for each position
    ],
)
def test_other_heads_have_no_weights(
    layers: tuple[nn.Module, ...],
    any_size: bool,  # noqa: FBT001  a parameter of the test
    pooled: bool,  # noqa: FBT001  the same
) -> None:
    classifier = seeded(*layers)
    head = read_head(classifier, 6)
    assert (head.pooled, head.weights) == (pooled, None)
    assert takes_any_size(Network(nn.Conv2d(3, 6, 1), classifier)) == any_size


def test_the_papers_network_takes_one_size_only(digits: Model) -> None:
    assert not takes_any_size(digits.network)
