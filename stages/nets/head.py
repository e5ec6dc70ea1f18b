"""How a classifier uses F, found from its answers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .network import Network, without_data

_CLOSE = 1e-4


@dataclass(frozen=True)
class Head:
    """How a classifier turns F into logits.

    `pooled`: the logits depend only on the mean of every map (global average pooling), so that
    pooling first changes nothing. `weights`: float32 [C, K] if the classifier is pooled and linear
    (the nets of CAM), else None.
    """

    pooled: bool
    weights: Tensor | None = None


def takes_any_size(network: Network) -> bool:
    """Say whether the classifier takes an F of any size and gives one answer for all of it."""
    channels = network.channels()
    sizes = (6, 5), (1, 1)
    try:
        answers = [without_data(network.classifier, 2, channels, *size) for size in sizes]
    except RuntimeError:  # a linear layer that takes only one size
        return False
    return all(answer.ndim == 2 for answer in answers)


@torch.no_grad()
def read_head(classifier: nn.Module, channels: int) -> Head:
    """Return the head of a classifier in evaluation mode, found from its answers to random F."""
    random = torch.Generator().manual_seed(0)
    maps = torch.rand(2, channels, 6, 5, generator=random)
    try:
        logits = classifier(maps)
        means = maps.mean(dim=(2, 3), keepdim=True)
        pooled = classifier(means)
    except RuntimeError:  # a linear layer that takes only one size
        return Head(pooled=False)
    if logits.ndim != 2 or not torch.allclose(logits, pooled, rtol=_CLOSE, atol=_CLOSE):
        return Head(pooled=False)
    bias = classifier(torch.zeros(1, channels, 1, 1))[0]
    weights = classifier(torch.eye(channels)[..., None, None]) - bias
    linear = torch.allclose(means.flatten(1) @ weights + bias, pooled, rtol=_CLOSE, atol=_CLOSE)
    return Head(pooled=True, weights=weights if linear else None)
