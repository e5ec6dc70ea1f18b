"""EfficientNet-lite: EfficientNet without squeeze-and-excitation, with ReLU6, made for phones."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

_NORM = 1e-3  # epsilon of batch norm in TensorFlow, where these weights were trained


class EfficientNetLite0(nn.Module):
    """EfficientNet-lite0 (Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite").

    Strided convolutions pad as in TensorFlow ("SAME": more below and right than above and left).
    The sides of pictures must be multiples of 32.
    """

    # Blocks, kernel, stride, expansion, width: Tan and Le 2019, Table 1.
    STAGES: ClassVar = [
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    ]

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        widths = [32, *(stage[-1] for stage in self.STAGES)]
        for (before, after), (count, kernel, stride, wider, _) in zip(
            pairwise(widths), self.STAGES, strict=True
        ):
            blocks.append(_Block(before, after, kernel, stride, wider))
            blocks += [_Block(after, after, kernel, 1, wider) for _ in range(count - 1)]
        self.features = nn.Sequential(
            *_convolution(3, 32, 3, 2), *blocks, *_convolution(320, 1280, 1, 1)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [N, classes] of pictures [N, 3, H, W]."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits


def renamed(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return weights of another implementation under our names; the order of layers is the same.

    Raises:
        RuntimeError: the layers differ; the message names the first difference.
    """
    names = network.state_dict()
    pairs = list(zip(names.items(), weights.items(), strict=False))
    for (name, ours), (other, theirs) in pairs:
        if ours.shape != theirs.shape:
            msg = f"{other} {tuple(theirs.shape)} stands where {name} {tuple(ours.shape)} should"
            raise RuntimeError(msg)
    if len(names) != len(weights):
        msg = f"{len(weights)} tensors instead of {len(names)}"
        raise RuntimeError(msg)
    return {name: theirs for (name, _), (_, theirs) in pairs}


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        inner = before * wider
        expand = _convolution(before, inner, 1, 1) if wider > 1 else ()
        self.branch = nn.Sequential(
            *expand,
            *_convolution(inner, inner, kernel, stride, groups=inner),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after, eps=_NORM),
        )
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        return x + y if self.residual else y


def _convolution(
    before: int, after: int, kernel: int, stride: int, groups: int = 1
) -> tuple[nn.Module, ...]:
    padding = (kernel - 1) // 2
    convolution = nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False)
    rest = nn.BatchNorm2d(after, eps=_NORM), nn.ReLU6(inplace=True)
    if stride == 1:
        return convolution, *rest
    convolution.padding = (0, 0)
    return nn.ZeroPad2d((padding - 1, padding) * 2), convolution, *rest
