"""Every family of torchvision, cut in two: the halves together are the whole."""

import pytest
import torch
from torch import nn

from locpipe.stages.errors import ModelError
from locpipe.stages.nets.dense import geometry
from locpipe.stages.nets.split import find_split, split
from locpipe.stages.nets.torchvision_shim import declare_operators

declare_operators()
from torchvision import models  # noqa: E402  after the operators

# One of each family: the layer that gives F, its maps, its stride.
FAMILIES = {
    "alexnet": ("features.11", 256, 16),
    "convnext_tiny": ("features", 768, 32),
    "densenet121": ("relu", 1024, 32),
    "efficientnet_b0": ("features", 1280, 32),
    "googlenet": ("inception5b", 1024, 32),
    "inception_v3": ("Mixed_7c", 2048, 32),
    "mnasnet0_5": ("layers", 1280, 32),
    "mobilenet_v2": ("features", 1280, 32),
    "mobilenet_v3_small": ("features", 576, 32),
    "regnet_y_400mf": ("trunk_output", 440, 32),
    "resnet18": ("layer4", 512, 32),
    "shufflenet_v2_x0_5": ("conv5", 1024, 32),
    "squeezenet1_1": ("features", 512, 16),
    "vgg11": ("features.19", 512, 16),
}
SIDE = 128  # less leaves inception_v3 with maps of a single cell


def build(name: str) -> nn.Module:
    """A network with weights of noise; filling them is quicker than their own initialisation."""
    options = {"init_weights": False} if name in {"googlenet", "inception_v3", "vgg11"} else {}
    with torch.device("meta") if "regnet" not in name else torch.device("cpu"):
        network: nn.Module = models.get_model(name, num_classes=5, **options)
    network = network.to_empty(device="cpu").eval()
    random = torch.Generator().manual_seed(0)
    for key, value in network.state_dict().items():
        if value.ndim > 1:
            fan_in = value[0].numel()
            value.normal_(0, fan_in**-0.5, generator=random)
        else:
            value.fill_(1 if key.endswith(("weight", "var")) else 0)
    return network


QUICK = "alexnet", "efficientnet_b0", "resnet18"


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in FAMILIES],
)
@torch.inference_mode()
def test_the_halves_of_every_family_are_the_whole(name: str) -> None:
    classifier = build(name)
    layer, channels, stride = FAMILIES[name]
    found = find_split(classifier, None, SIDE)
    assert (found.layer, found.channels) == (layer, channels)
    network = found.network()
    assert network.channels() == channels
    x = torch.rand(1, 3, SIDE, SIDE + 32, generator=torch.Generator().manual_seed(1))
    maps = network.features(x)
    shape = geometry(network.features)
    assert shape.stride == stride
    assert abs(maps.shape[3] - (SIDE + 32) / stride) <= 2  # some do not pad their first layers
    before = maps.clone()
    torch.testing.assert_close(network.classifier(maps), classifier(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(maps, before)


@pytest.mark.parametrize("name", ["vit_b_32", "swin_t", "maxvit_t"])
def test_a_network_of_attention_has_no_convolutional_last_stage(name: str) -> None:
    with torch.device("meta"):
        network = models.get_model(name)
    with pytest.raises(ModelError, match="no convolutional last stage but attention"):
        split(network, None, 224)


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return build("resnet18")


@pytest.mark.parametrize("layer", ["layer3", "layer4.0", "layer3.1.relu"])
@torch.inference_mode()
def test_another_layer_may_be_named(layer: str, resnet: nn.Module) -> None:
    network = split(resnet, layer, 64)
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(network(x), resnet(x), rtol=1e-4, atol=1e-5)
    assert network.channels() == (512 if layer == "layer4.0" else 256)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("layer5", r"layer 'layer5' does not exist; candidates.*: layer4"),
        ("fc", r"layer 'fc' gives no map with a height and a width; candidates"),
        ("layer4.1.conv1", r"'layer4.1.conv1' is no cut: what follows also uses responses from"),
    ],
)
def test_a_layer_that_is_no_cut_lists_candidates(
    layer: str, message: str, resnet: nn.Module
) -> None:
    with pytest.raises(ModelError, match=message):
        split(resnet, layer, 64)


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(ModelError, match="no layer that gives maps"):
        split(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), None, 2)


def test_a_network_that_depends_on_its_data_is_refused() -> None:
    class Chooses(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match="Chooses cannot be traced"):
        split(Chooses(), None, 8)
