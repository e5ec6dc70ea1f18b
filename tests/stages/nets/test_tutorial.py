import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from locpipe.stages.nets import build

ENDINGS = ("fc", "dropout", "pool", "gap")


def parameters(ending: str) -> int:
    return sum(one.numel() for one in build(f"tutorial-{ending}", 2).parameters())


def test_the_parameters_are_those_counted_by_hand() -> None:
    convolutions = 3 * 9 * 32 + 32 * 9 * 32 + 32 * 9 * 64
    norms = 2 * (32 + 32 + 64)
    trunk = convolutions + norms
    cells = 12 * 12  # 100 halved three times, rounded down
    dense = cells * 64 * 100 + 200 + 100 * 100 + 200 + 101
    assert parameters("fc") == parameters("dropout") == trunk + dense
    assert parameters("pool") == trunk + 6 * 6 * 64 + 1
    assert parameters("gap") == trunk + 64 + 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_unit_of_two_classes_is_a_sigmoid(ending: str) -> None:
    network = build(f"tutorial-{ending}", 2)
    logits = network(torch.rand(3, 3, 100, 100))
    assert logits.shape == (3, 2)
    assert (logits[:, 0] == 0).all()
    labels = torch.tensor([0, 1, 1])
    torch.testing.assert_close(
        functional.cross_entropy(logits, labels),
        functional.binary_cross_entropy(logits[:, 1].sigmoid(), labels.float()),
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_more_classes_have_a_unit_less_than_there_are(ending: str) -> None:
    network = build(f"tutorial-{ending}", 5)
    assert network(torch.rand(2, 3, 100, 100)).shape == (2, 5)


def test_gap_is_a_dense_unit_on_the_mean_of_every_map() -> None:
    network = build("tutorial-gap", 2)
    x = torch.rand(2, 3, 100, 100)
    with torch.inference_mode():
        maps = network.features(x).numpy()
        found = network(x)[:, 1].numpy()
    pooled = maps[:, :, :24, :24].reshape(2, 64, 12, 2, 12, 2).max(axis=(3, 5))
    unit = list(network.classifier.children())[-1]
    assert isinstance(unit, nn.Linear)
    weights, bias = unit.weight.detach().numpy(), unit.bias.detach().numpy()
    expected = pooled.mean(axis=(2, 3)) @ weights[0] + bias[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_pool_keeps_where_things_are_and_gap_does_not() -> None:
    maps = torch.zeros(1, 64, 25, 25)
    maps[:, :, 3, 3] = 1
    there = maps.roll((8, 8), (2, 3))
    for ending, same in (("pool", False), ("gap", True)):
        classifier = build(f"tutorial-{ending}", 2).classifier
        assert torch.allclose(classifier(maps), classifier(there)) == same


def test_only_dropout_drops() -> None:
    for ending in ENDINGS:
        layers = list(build(f"tutorial-{ending}", 2).modules())
        assert sum(isinstance(one, nn.Dropout) for one in layers) == 2 * (ending == "dropout")
