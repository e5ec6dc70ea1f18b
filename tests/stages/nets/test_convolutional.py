"""Fully connected layers as convolutions, against the original classifier on every window."""

import pytest
import torch
from torch import Tensor, nn

from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import Model
from locpipe.stages.nets.convolutional import convolutional
from locpipe.stages.nets.split import split
from locpipe.stages.nets.torchvision_shim import declare_operators

declare_operators()
from torchvision import models  # noqa: E402  after the operators


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def filled(network: nn.Module) -> nn.Module:
    """Weights of noise, without the slow initialisation of 400 MB of them."""
    network = network.to_empty(device="cpu").eval()
    random = torch.Generator().manual_seed(2)
    for value in network.parameters():
        bound = (value[0].numel() if value.ndim > 1 else 1) ** -0.5
        value.detach().uniform_(-bound, bound, generator=random)
    return network


def check_every_window(classifier: nn.Module, maps: Tensor, window: int, stride: int) -> None:
    """The map, against the classifier on each window of F as if that were all there is."""
    found = convolutional(classifier, maps.shape[1])(maps)
    rows, columns = (1 + (side - window) // stride for side in maps.shape[2:])
    assert found.shape[2:] == (rows, columns)
    for i in range(rows):
        for j in range(columns):
            y, x = i * stride, j * stride
            part = maps[..., y : y + window, x : x + window]
            torch.testing.assert_close(found[..., i, j], classifier(part), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_the_papers_network_on_every_window(digits: Model) -> None:
    maps = digits.network.features(noise(1, 1, 52, 60))
    check_every_window(digits.network.classifier, maps, window=14, stride=2)


@pytest.mark.parametrize(("name", "window"), [("alexnet", 13), ("vgg16", 14)])
@torch.inference_mode()
def test_networks_of_torchvision_on_every_window(name: str, window: int) -> None:
    with torch.device("meta"):
        options = {"init_weights": False} if name == "vgg16" else {}
        classifier = models.get_model(name, num_classes=3, **options)
    network = split(filled(classifier), None, 224)
    channels = network.channels()
    check_every_window(network.classifier, noise(1, channels, window + 2, window + 4), window, 2)


@torch.inference_mode()
def test_global_average_pooling_becomes_an_answer_in_every_cell() -> None:
    classifier = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 3), nn.ReLU()
    ).eval()
    check_every_window(classifier, noise(1, 6, 4, 5), window=1, stride=1)


@torch.inference_mode()
def test_batch_norm_between_fully_connected_layers() -> None:
    norm = nn.BatchNorm1d(7)
    assert norm.running_mean is not None
    norm.running_mean.uniform_()
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(6 * 9, 7), norm, nn.Linear(7, 2)).eval()
    check_every_window(classifier, noise(1, 6, 5, 4), window=3, stride=1)


@torch.inference_mode()
def test_without_zero_padding_the_map_is_the_network_on_every_crop_of_the_picture() -> None:
    torch.manual_seed(3)
    features = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU()
    )
    classifier = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 9, 5), nn.ReLU())
    classifier.append(nn.Linear(5, 2))
    whole = nn.Sequential(features, classifier).eval()
    side, stride = 18, 4
    picture = noise(1, 3, 40, 34)
    dense = nn.Sequential(features, convolutional(classifier, 6))(picture)
    assert dense.shape == (1, 2, 6, 5)
    for i in range(6):
        for j in range(5):
            y, x = i * stride, j * stride
            crop = picture[..., y : y + side, x : x + side]
            torch.testing.assert_close(dense[..., i, j], whole(crop), rtol=1e-4, atol=1e-4)


def test_a_layer_that_means_nothing_to_a_window_is_named() -> None:
    with pytest.raises(ModelError, match="its '0' is no layer that works on windows"):
        convolutional(nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 3)), 6)
    with pytest.raises(ModelError, match="does not fit square windows of 6 maps"):
        convolutional(nn.Sequential(nn.Flatten(), nn.Linear(6 * 8, 3)), 6)
