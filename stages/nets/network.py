"""The interface of every network: `classifier(features(x))`."""

import copy

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A classifier split at its last convolution.

    Args:
        features: `[N, C_in, H, W]` to F `[N, C, h, w]`, the response of the last convolution after
            its ReLU and before its pooling. Blocking a filter before or after ReLU and pooling is
            the same, and here the map is finest.
        classifier: F to logits: `[N, classes]` of pictures, or `[N, classes, h, w]` of positions.
    """

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of pictures `[N, C_in, H, W]`, or of each of their positions."""
        logits: Tensor = self.classifier(self.features(x))
        return logits

    def channels(self) -> int:
        """Return C, found by showing the features a shape without data."""
        first = next(layer for layer in self.features.modules() if isinstance(layer, nn.Conv2d))
        return int(without_data(self.features, 1, first.in_channels, 256, 256).shape[1])


def without_data(module: nn.Module, *shape: int) -> Tensor:
    """Return what a module in evaluation mode gives for input of a shape, computing nothing."""
    twin = copy.deepcopy(module).to("meta").eval()
    with torch.inference_mode():
        answer: Tensor = twin(torch.empty(*shape, device="meta"))
    return answer


def convolution(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, ...]:
    """Return a convolution that keeps the size at stride 1, batch norm, and ReLU."""
    layer = nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True)
