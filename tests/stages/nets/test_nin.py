import torch
from torch import nn

from locpipe.stages.nets import build
from locpipe.stages.nets.dense import densify, geometry
from locpipe.stages.nets.nin import NetworkInNetwork
from locpipe.stages.nets.pooling import Mean, PooledClassifier


def test_there_is_one_map_a_class_and_nothing_fully_connected() -> None:
    network = build("nin-grey", 10)
    assert not [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert isinstance(network.classifier, PooledClassifier)
    maps, pooling = network.classifier
    assert isinstance(pooling, Mean)
    assert maps(network.features(torch.rand(1, 1, 28, 28))).shape == (1, 10, 7, 7)


def test_an_mlpconv_is_a_perceptron_slid_over_the_picture() -> None:
    """Lin et al. 2013, equation 2, at one position of the first block."""
    torch.manual_seed(0)
    network = NetworkInNetwork(3).eval()
    layers = list(network.features.children())[:9]  # (convolution, batch norm, ReLU) three times
    x = torch.rand(1, 3, 9, 9)
    slid = nn.Sequential(*layers)(x)[0, :, 4, 4]
    values = x[0, :, 2:7, 2:7].flatten()
    for convolution, norm in zip(layers[0::3], layers[1::3], strict=True):
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        values = convolution.weight.flatten(1) @ values
        values = values / (1 + norm.eps) ** 0.5  # means 0 and variances 1 before any training
        values = values.clamp_min(0)
    torch.testing.assert_close(slid, values, rtol=1e-4, atol=1e-5)


def test_the_class_maps_of_a_larger_picture_shift_with_it() -> None:
    features = build("nin", 2).features
    stride = geometry(features).stride
    assert stride == 4
    x = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        whole, shifted = features(x), features(x[..., stride:])
    torch.testing.assert_close(whole[..., 11:13], shifted[..., 10:12], rtol=1e-4, atol=1e-4)


def test_it_can_be_made_dense() -> None:
    features = build("nin-grey", 2).features
    with torch.inference_mode():
        x = torch.rand(1, 1, 60, 60)
        dense, native = densify(features, "atrous")(x), features(x)
    torch.testing.assert_close(dense[..., 20:32:4, 20:32:4], native[..., 5:8, 5:8])


def test_the_grey_one_takes_one_channel_and_the_other_three() -> None:
    for name, channels in (("nin-grey", 1), ("nin", 3)):
        assert build(name, 4)(torch.rand(2, channels, 32, 32)).shape == (2, 4)
