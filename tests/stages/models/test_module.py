"""Any `torch.nn.Module` in memory is a model."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from locpipe.stages.errors import ModelError
from locpipe.stages.infer import infer
from locpipe.stages.models.module import IMAGENET_MEAN, model_of_module, sha256_of_module


def net(classes: int = 3, channels: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, classes),
    )


def last(module: nn.Sequential) -> nn.Linear:
    layer = module[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def test_its_features_are_the_responses_of_the_layer() -> None:
    module = net()
    model = model_of_module(module, layer="3", mean=(0, 0, 0), std=(1, 1, 1))
    picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    features = infer(model, picture, padding="zeros")
    shown = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        expected = module[:4](shown)[0].numpy()
    np.testing.assert_allclose(features.maps, expected, atol=1e-5)
    assert model.card.classes == ("class 0", "class 1", "class 2")
    np.testing.assert_allclose(
        model.tables.linear, last(module).weight.detach().numpy().T, atol=1e-5
    )


def test_the_module_stays_as_it_was() -> None:
    module = net().train()
    before = sha256_of_module(module)
    model_of_module(module)
    assert module.training
    assert module[1].inplace
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert sha256_of_module(module) == before


def test_the_sha256_is_that_of_the_weights() -> None:
    one, same = net(), net()
    assert sha256_of_module(one) == sha256_of_module(same) == model_of_module(one).sha256
    with torch.no_grad():
        last(same).bias.add_(1e-3)
    assert sha256_of_module(one) != sha256_of_module(same)


def test_a_module_is_taken_apart_once_until_its_weights_change() -> None:
    module = net()
    first = model_of_module(module)
    assert model_of_module(module) is first
    assert model_of_module(module, classes=["a", "b", "c"]) is not first
    with torch.no_grad():
        last(module).weight.mul_(2)
    assert model_of_module(module).sha256 != first.sha256


def test_a_module_that_is_dropped_is_not_kept_alive() -> None:
    module = net()
    model_of_module(module)
    gone = weakref.ref(module)
    del module
    gc.collect()
    assert gone() is None


def test_a_network_may_look_at_grey_pictures() -> None:
    card = model_of_module(net(channels=1)).card
    assert (card.input.channels, card.input.mean, card.input.std) == (1, (0.0,), (1.0,))
    assert model_of_module(net()).card.input.mean == IMAGENET_MEAN


@pytest.mark.parametrize(
    ("module", "options", "told"),
    [
        (net(), {"classes": ["a", "b"]}, "2 names, but the module gives 3 logits"),
        (net(), {"layer": "nowhere"}, "'nowhere' does not exist; candidates"),
        (net(), {"mean": (0.5,)}, "mean: 1 values.*one per channel"),
        (net(channels=4), {}, "4 channels"),
        (nn.Linear(3, 2), {}, "no convolution"),
        (nn.Conv2d(3, 2, 3), {}, "no layer that gives maps"),
        (nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(7, 2)), {}, "does not take"),
    ],
)
def test_what_does_not_fit_is_told(
    module: nn.Module, options: dict[str, object], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        model_of_module(module, **options)  # type: ignore[arg-type] # one wrong thing at a time
