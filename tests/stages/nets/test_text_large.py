import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.nets import build
from locpipe.stages.nets.cost import cost
from locpipe.stages.nets.dense import dense_features, geometry, global_steps
from locpipe.stages.nets.text_large import FILTERS, TextLarge
from locpipe.stages.strides import Geometry

TEXT = 1


@pytest.fixture(scope="module")
def network() -> TextLarge:
    torch.manual_seed(3)
    built = build("text-large", 3)
    assert isinstance(built, TextLarge)
    return built


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(find_model("text-large"))


def test_it_costs_three_times_the_small_one(network: TextLarge) -> None:
    parameters, macs = cost(network, channels=3)
    assert parameters < 2_300_000
    assert macs < 3 * cost(build("text", 3), channels=3)[1]
    assert global_steps(network.features) == ()


def test_the_training_says_where_cells_lie(network: TextLarge) -> None:
    by_layers = geometry(network.features)
    assert by_layers.offset == 9.5
    _, shape = dense_features(network, "native", windows=False)
    assert shape == Geometry(4, 2.0, by_layers.receptive_field + 15, 64)
    assert build("text-large + max", 3).offset == network.offset


@torch.inference_mode()
def test_every_position_is_classified_from_its_filters(network: TextLarge) -> None:
    maps = network.features(torch.rand(1, 3, 64, 128))
    assert maps.shape == (1, FILTERS, 16, 32)
    assert maps.min() == 0
    assert network.classifier(maps).shape == (1, 3, 16, 32)


def test_weights_of_half_precision_are_computed_with_in_float32(shipped: Model) -> None:
    stored = load_file(find_model("text-large") / "weights.safetensors")
    assert stored["classifier.weight"].dtype == torch.float16
    assert {values.dtype for values in shipped.network.parameters()} == {torch.float32}


@torch.inference_mode()
def test_cores_lie_in_the_middle_of_words(shipped: Model) -> None:
    """By the layers alone, the frame would be off by seven pixels."""
    page = np.full((192, 320, 3), 235, np.uint8)
    cv2.putText(page, "HOUSE", (70, 120), cv2.FONT_HERSHEY_DUPLEX, 1.6, (30, 30, 30), 3)
    rows, columns = np.nonzero(page[..., 0] < 128)
    features = infer(shipped, page, padding="zeros")
    logits = shipped.network.classifier(torch.from_numpy(features.maps)[None])
    core = logits.softmax(dim=1)[0, TEXT].numpy()
    assert core.max() > 0.9
    for axis, ink in ((1, columns), (0, rows)):
        cells = core.sum(axis=1 - axis)
        middle = cells @ (features.grid.offset[1 - axis] + 4 * np.arange(len(cells))) / cells.sum()
        assert middle == pytest.approx((ink.min() + ink.max() + 1) / 2, abs=2.5)
