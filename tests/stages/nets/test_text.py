import pytest
import torch

from locpipe.stages.nets import build
from locpipe.stages.nets.cost import cost
from locpipe.stages.nets.dense import densify, geometry
from locpipe.stages.nets.text import FILTERS, TextNet
from locpipe.stages.strides import Geometry


@pytest.fixture(scope="module")
def network() -> TextNet:
    torch.manual_seed(3)
    built = build("text", 3)
    assert isinstance(built, TextNet)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # no two layers alike, as after a training
            assert module.running_var is not None
            module.running_var.uniform_(0.3, 0.6)
    return built


def test_it_is_cheap(network: TextNet) -> None:
    parameters, macs = cost(network, channels=3)
    assert parameters <= 1_500_000
    assert macs <= 3000


def test_cells_of_four_pixels_share_one_frame(network: TextNet) -> None:
    shape = geometry(network.features)
    assert shape == Geometry(4, 2.0, shape.receptive_field, 64)
    assert shape.receptive_field >= 600  # letters may be that high


@torch.inference_mode()
def test_every_position_is_classified_from_its_filters(network: TextNet) -> None:
    x = torch.rand(2, 3, 128, 192)
    maps = network.features(x)
    assert maps.shape == (2, FILTERS, 32, 48)
    assert maps.min() == 0
    logits = network(x)
    assert logits.shape == (2, 3, 32, 48)
    head = network.classifier
    assert isinstance(head, torch.nn.Conv2d)
    assert head.bias is not None
    by_hand = head.weight[:, :, 0, 0] @ maps[1, :, 5, 7] + head.bias
    torch.testing.assert_close(logits[1, :, 5, 7], by_hand)


@torch.inference_mode()
def test_a_mark_lights_up_the_cells_at_its_place(network: TextNet) -> None:
    grey = torch.full((1, 3, 256, 256), 0.5)
    marked = grey.clone()
    marked[..., 96:100, 164:168] = 1.0  # cell 24, 41
    change = (network.features(marked) - network.features(grey)).abs().sum(dim=(0, 1))
    rows, columns = (change.sum(dim=1 - axis) for axis in (0, 1))
    cells = torch.arange(64.0)
    assert float((rows * cells).sum() / rows.sum()) == pytest.approx(24, abs=2.5)
    assert float((columns * cells).sum() / columns.sum()) == pytest.approx(41, abs=2.5)


@torch.inference_mode()
def test_strips_with_a_halo_give_the_map_of_the_whole(network: TextNet) -> None:
    halo = 576  # half a receptive field, rounded up to a multiple of 64
    x = torch.rand(1, 3, 64 + 2 * halo, 64)
    x = torch.cat([torch.rand(1, 3, 128, 64), x, torch.rand(1, 3, 128, 64)], dim=2)
    whole = network.features(x)
    strip = network.features(x[:, :, 128:-128])
    rows = slice(halo // 4, halo // 4 + 16)
    expected = whole[:, :, 32 + rows.start : 32 + rows.stop]
    torch.testing.assert_close(strip[:, :, rows], expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_picture_moved_by_64_pixels_moves_its_map_by_16_cells(network: TextNet) -> None:
    wide = torch.rand(1, 3, 64, 64 + 2 * 576 + 64)
    left = network.features(wide[..., :-64])[..., 144:160]
    right = network.features(wide[..., 64:])[..., 128:144]
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_native_is_the_network_itself(network: TextNet) -> None:
    assert densify(network.features, "native") is network.features


def test_the_number_of_classes_is_the_models() -> None:
    assert build("text", 5).classifier.out_channels == 5
