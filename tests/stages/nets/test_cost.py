import pytest
from torch import nn

from locpipe.stages.nets import Network
from locpipe.stages.nets.cost import cost


def test_a_convolution_is_counted_by_hand() -> None:
    network = Network(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.Conv2d(8, 2, 1))
    parameters, macs = cost(network, channels=3)
    assert parameters == 3 * 8 * 9 + 8 * 2 + 2
    assert macs == pytest.approx(3 * 8 * 9 / 4 + 8 * 2 / 4)


def test_the_network_stays_as_it_is() -> None:
    network = Network(nn.Conv2d(1, 1, 1), nn.Identity()).train()
    cost(network, channels=1)
    assert network.training
    assert next(network.parameters()).device.type == "cpu"
