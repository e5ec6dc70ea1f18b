"""Batch normalization folded into convolutions."""

import pytest
import torch
from torch import Tensor, nn

from locpipe.stages.nets import build
from locpipe.stages.nets.folded import folded


def awake(network: nn.Module) -> nn.Module:
    """Give normalization something to do: fresh ones do next to nothing."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias)
    return network.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())


def called_norms(twin: torch.fx.GraphModule) -> int:
    layers = dict(twin.named_modules())
    return sum(isinstance(layers.get(str(n.target)), nn.BatchNorm2d) for n in twin.graph.nodes)


@pytest.mark.parametrize("name", ["text", "nin"])
def test_a_folded_network_gives_the_same_maps_without_normalizing(name: str) -> None:
    features = awake(build(name, 3).features)
    assert norms(features) > 5
    twin = folded(features)
    channels = next(m for m in features.modules() if isinstance(m, nn.Conv2d)).in_channels
    x = torch.randn(2, channels, 128, 192)
    with torch.inference_mode():
        expected, found = features(x), twin(x)
    assert called_norms(twin) == 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_the_network_itself_stays_as_it_was() -> None:
    features = awake(build("text", 3).features)
    before = {key: value.clone() for key, value in features.state_dict().items()}
    folded(features)
    after = features.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())


class _Shared(nn.Module):
    """A convolution that is called twice, and one whose response goes two ways."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 3, padding=1)
        self.forked = nn.Conv2d(3, 3, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norms[0](self.twice(self.twice(x)))
        z = self.forked(y)
        both: Tensor = z + self.norms[1](z)
        return both


def test_a_convolution_that_something_else_uses_is_not_folded_into() -> None:
    features = awake(_Shared())
    twin = folded(features)
    x = torch.randn(1, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(twin(x), features(x))
    assert called_norms(twin) == 2
