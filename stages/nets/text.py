"""A fully convolutional network that classifies positions as text or not, made for CPUs."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from .network import Network, convolution

FILTERS = 48
_WIDE = 32  # channels of the pyramid


class TextNet(Network):
    """Classifies every fourth pixel in both directions.

    A strided stem comes first. Inverted residuals (Sandler et al. 2018, MobileNetV2) follow down to
    stride 64; they see letters of several hundred pixels. A narrow pyramid leads back to stride 4
    (Lin et al. 2017, FPN). One 3x3 convolution gives AdGAP's F, one 1x1 convolution classifies each
    position. No operation is global, so strips of a picture give the map of the whole.
    """

    # Width, blocks and expansion at strides 4, 8, 16, 32 and 64.
    STAGES: ClassVar = [(32, 1, 2), (48, 2, 3), (64, 3, 4), (96, 3, 4), (96, 3, 4)]

    def __init__(self, classes: int) -> None:
        widths = [width for width, *_ in self.STAGES]
        stages = [
            halved(before, *stage)
            for before, stage in zip([16, *widths[:-1]], self.STAGES, strict=True)
        ]
        stem = nn.Sequential(*convolution(3, 16, 4, 2))
        features = Pyramid(stem, stages, widths, _WIDE, self.last())
        super().__init__(features, nn.Conv2d(FILTERS, classes, 1))

    @staticmethod
    def last() -> nn.Module:
        """Return the layers that give F."""
        return nn.Sequential(*convolution(_WIDE, FILTERS, 3))


class TextSmall(TextNet):
    """`TextNet` with two thirds of the work.

    The cost of a map grows with its number of cells, so the shallow stages are narrowed most. The
    dense 3x3 convolution that gives F was a third of the work. It is split into one convolution per
    channel and a 1x1 convolution (Howard et al. 2017, MobileNets).
    """

    STAGES: ClassVar = [(32, 1, 1), (48, 2, 2), (64, 3, 3), (96, 3, 4), (96, 3, 4)]

    @staticmethod
    def last() -> nn.Module:
        """Return the layers that give F."""
        return _merge(_WIDE, FILTERS)


class Pyramid(nn.Module):
    """Stages that halve the resolution, and a pyramid back to the first stage (Lin et al. 2017).

    Args:
        stem: from pictures to the input of the first stage.
        stages: each has half the resolution of the stage before.
        widths: number of channels of each stage.
        wide: number of channels of the pyramid.
        last: the layers from the pyramid's last level to F.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        widths: Sequence[int],
        wide: int,
        last: nn.Module,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.sides = nn.ModuleList(nn.Conv2d(width, wide, 1) for width in widths)
        self.merges = nn.ModuleList(_merge(wide, wide) for _ in widths[2:])
        self.merges.append(last)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")

    def forward(self, x: Tensor) -> Tensor:
        """Return F [N, C, h, w] of pictures, at the stride of the first stage."""
        x = self.stem(x)
        levels = []
        for stage, side in zip(self.stages, self.sides, strict=True):
            x = stage(x)
            levels.append(side(x))
        top: Tensor = levels.pop()
        for merge in self.merges:
            top = merge(levels.pop() + self.up(top))
        return top


def halved(before: int, width: int, blocks: int, wider: int) -> nn.Sequential:
    """Return a stage at half the resolution: a strided convolution, then inverted residuals."""
    # The strided kernel is even, so that the cells of all levels share one frame. It is dense: the
    # gradient of strided depthwise convolutions is slow on CPUs.
    shrink = nn.Conv2d(before, width, 2, 2, bias=False), nn.BatchNorm2d(width)
    return nn.Sequential(*shrink, *(Residual(width, wider) for _ in range(blocks)))


class Residual(nn.Module):
    """An inverted residual; the inner layers are `wider` times as wide."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        inner = width * wider
        self.branch = nn.Sequential(
            *convolution(width, inner, 1),
            *convolution(inner, inner, 3, groups=inner),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same shape as `x`, [N, width, h, w]."""
        y: Tensor = x + self.branch(x)
        return y


def _merge(wide: int, after: int) -> nn.Sequential:
    apart = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
    return nn.Sequential(apart, *convolution(wide, after, 1))
