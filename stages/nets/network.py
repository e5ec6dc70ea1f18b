"""The interface of every network: `classifier(features(x))`."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Network(nn.Module):
    """A classifier split at its last convolution.

    Args:
        features: pictures `[N, C_in, H, W]` to F `[N, C, h, w]`, the response of the last
            convolution after its ReLU and before its pooling. It makes no difference whether a
            filter is blocked before or after ReLU and pooling. Before pooling, the map is finest.
        classifier: F to logits: `[N, classes]` of pictures, or `[N, classes, h, w]` of positions.
        offset: centre of cell 0 that a training on positions has used, in pixels from the outer
            corner of the first pixel; None: the centre follows from the layers.
    """

    def __init__(
        self, features: nn.Module, classifier: nn.Module, *, offset: float | None = None
    ) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of pictures `[N, C_in, H, W]`, or of each of their positions."""
        logits: Tensor = self.classifier(self.features(x))
        return logits

    def probabilities(self, pictures: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return the softmax [N, classes] for normalized pictures [N, C_in, H, W].

        None if the classifier says where things are, not what a picture shows.
        """
        with torch.inference_mode():
            logits = self(torch.from_numpy(pictures))
        return _softmax(logits) if logits.ndim == 2 else None

    def probabilities_of(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the softmax [classes] of the classifier for F [C, h, w] of a whole picture."""
        with torch.inference_mode():
            (chances,) = _softmax(self.classifier(torch.from_numpy(maps[None])))
        return np.asarray(chances)

    def channels_in(self) -> int:
        """Return the number of channels of the pictures that the network takes."""
        first = next(layer for layer in self.features.modules() if isinstance(layer, nn.Conv2d))
        return int(first.in_channels)

    def channels(self) -> int:
        """Return C, found by running the features on a tensor without data."""
        return int(without_data(self.features, 1, self.channels_in(), 256, 256).shape[1])


def without_data(module: nn.Module, *shape: int) -> Tensor:
    """Return the output of a module in evaluation mode for an input shape, without computing it."""
    twin = copy.deepcopy(module).to("meta").eval()
    with torch.inference_mode():
        answer: Tensor = twin(torch.empty(*shape, device="meta"))
    return answer


def _softmax(logits: Tensor) -> NDArray[np.float32]:
    chances: NDArray[np.float32] = logits.softmax(dim=1).numpy()
    return chances


def convolution(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, ...]:
    """Return a convolution that keeps the size at stride 1, batch norm, and ReLU."""
    layer = nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True)
