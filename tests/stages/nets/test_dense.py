"""Dense twins of networks, against the network itself and against shift-and-stitch."""

import pytest
import torch
from tolerances import assert_rounded_alike
from torch import Tensor, nn

from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import Model
from locpipe.stages.nets.dense import densify, geometry, global_steps, peak_floats
from locpipe.stages.parts import Value


class Residual(nn.Module):
    """Two branches that meet, one of them strided."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.ReLU())
        self.shortcut = nn.Conv2d(4, 4, 1, stride=2)
        self.last = nn.Conv2d(4, 5, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        return torch.relu(self.last(self.deep(x) + self.shortcut(x)))


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 1, 64, 72, generator=torch.Generator().manual_seed(0))


def stitched(features: nn.Module, picture: Tensor, stride: int) -> Tensor:
    """Shift-and-stitch: run the network on every shift of the picture, interleave the maps."""
    height, width = (side - stride for side in picture.shape[2:])
    maps = [
        [features(picture[..., dy : dy + height, dx : dx + width]) for dx in range(stride)]
        for dy in range(stride)
    ]
    rows = [torch.stack(row, dim=-1).flatten(-2) for row in maps]
    return torch.stack(rows, dim=-2).flatten(-3, -2)


@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_atrous_equals_shift_and_stitch_away_from_borders(
    name: str, digits: Model, picture: Tensor
) -> None:
    features = digits.network.features if name == "lenet" else Residual()
    shape = geometry(features)
    with torch.inference_mode():
        dense = densify(features, "atrous")(picture)
        expected = stitched(features, picture, shape.stride)
    height, width = expected.shape[2:]
    edge = shape.receptive_field
    inner = (..., slice(edge, height - edge), slice(edge, width - edge))
    assert expected[inner].numel() > 1000
    assert_rounded_alike(dense[inner], expected[inner])


def test_native_is_the_network_itself(digits: Model) -> None:
    assert densify(digits.network.features, "native") is digits.network.features


def test_unpooled_is_the_same_kernels_without_pooling(digits: Model, picture: Tensor) -> None:
    first, relu, _, second, _ = digits.network.features.children()
    with torch.inference_mode():
        expected = relu(second(relu(first(picture))))
        found = densify(digits.network.features, "unpooled")(picture)
    torch.testing.assert_close(found, expected)


def test_densify_leaves_the_network_alone(digits: Model, picture: Tensor) -> None:
    before = digits.network.features(picture)
    for resolution in ("atrous", "unpooled"):
        densify(digits.network.features, resolution)
    torch.testing.assert_close(digits.network.features(picture), before)


@pytest.mark.parametrize(
    ("resolution", "stride", "offset", "field"),
    [("native", 2, 1.0, 14), ("atrous", 1, 1.0, 14), ("unpooled", 1, 0.5, 9)],
)
def test_geometry_of_the_papers_network(
    resolution: str, stride: int, offset: float, field: int, digits: Model
) -> None:
    shape = geometry(densify(digits.network.features, resolution))  # type: ignore[arg-type]  # the parametrized name
    assert (shape.stride, shape.offset, shape.receptive_field) == (stride, offset, field)


@pytest.mark.parametrize("resolution", ["native", "atrous", "unpooled"])
def test_receptive_field_is_where_the_gradient_ends(resolution: str, digits: Model) -> None:
    """Independent of the arithmetic: which pixels change a cell, found by differentiation."""
    features = densify(digits.network.features, resolution)  # type: ignore[arg-type]  # the same
    shape = geometry(features)
    x = torch.rand(1, 1, 60, 60, generator=torch.Generator().manual_seed(1), requires_grad=True)
    cell = 30 // shape.stride
    for channel in range(16):
        features(x)[0, channel, cell, cell].backward(retain_graph=True)
    assert x.grad is not None
    touched = x.grad[0, 0].abs().sum(dim=0).nonzero()
    centre = shape.offset + cell * shape.stride
    assert centre - shape.receptive_field / 2 <= int(touched.min())
    assert int(touched.max()) + 1 <= centre + shape.receptive_field / 2


def test_geometry_of_branches_and_upsampling() -> None:
    pyramid = nn.Sequential(Residual(), nn.Upsample(scale_factor=2, mode="nearest"))
    shape = geometry(pyramid)
    assert (shape.stride, shape.offset, shape.multiple) == (2, -0.5, 4)
    assert pyramid(torch.zeros(1, 1, 32, 32)).shape[2:] == (16, 16)


def test_upsampling_by_a_fraction_is_refused() -> None:
    with pytest.raises(ModelError, match="whole factor"):
        geometry(nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=1.5)))


def test_a_pyramid_has_no_map_without_strides() -> None:
    """Its scaling up would undo strides that are no longer there."""
    pyramid = nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2))
    with pytest.raises(ModelError, match="use native"):
        densify(pyramid, "atrous")


def test_peak_floats_of_the_papers_network(digits: Model) -> None:
    """Conv 1 gives 6 maps, which are then pooled (ReLU works in place): 6 + 6 / 4."""
    assert peak_floats(digits.network.features, Value(1, 1)) == 7.5


def test_steps_that_look_at_the_whole_picture_are_named(digits: Model) -> None:
    class Excited(nn.Module):
        """Squeeze-and-excitation in three ways."""

        def __init__(self) -> None:
            super().__init__()
            self.squeeze = nn.AdaptiveAvgPool2d(1)
            self.excite = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = x * torch.sigmoid(self.excite(self.squeeze(x)))
            x = x * nn.functional.adaptive_avg_pool2d(x, 1)
            return x * x.mean((2, 3), keepdim=True)

    assert global_steps(nn.Sequential(nn.Conv2d(3, 3, 3), Excited())) == (
        "1.squeeze",
        "adaptive_avg_pool2d",
        "mean",
    )
    assert global_steps(digits.network.features) == ()
    assert global_steps(Residual()) == ()


def test_average_pooling_cannot_be_dilated() -> None:
    features = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(1, 1, 3), nn.AvgPool2d(2))
    with pytest.raises(ModelError, match=r"layer 2 is an average pooling.*use native"):
        densify(features, "atrous")


def test_a_network_that_depends_on_its_data_is_refused() -> None:
    class Chooses(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match="Chooses cannot be traced"):
        geometry(Chooses())
