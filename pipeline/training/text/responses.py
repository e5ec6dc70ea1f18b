"""Filters that respond equally strongly, so that weights by ablation can be compared."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from ....stages.errors import ModelError
from ....stages.nets import Network
from .labels import TEXT, label
from .validate import Rendered, as_input

__all__ = ["with_unit_responses"]

_SILENT = 1e-3


def with_unit_responses(network: Network, rendered: Rendered) -> Network:
    """Return a copy of a network whose filters have mean response 1 on cores of words.

    It classifies as before: ReLU lets a filter be scaled (in the batch normalisation before it) and
    its column of the classifier be divided by as much. The error that grows without a filter is the
    same, too, but AdGAP's map, that error times the response, is not: of two filters that matter
    equally, the louder one would count twice.

    The mean is weighted by how wrong the network is at a position, one minus the probability of a
    core. Error grows there: blocking takes w_i F_i off the logit, which costs about (1 - p) w_i F_i.
    A filter that is loud where all is clear and silent where it matters would else count too much.

    Args:
        network: in evaluation mode; its features end with batch normalisation and ReLU, its
            classifier is a 1x1 convolution.
        rendered: pictures to measure responses on.

    Raises:
        ModelError: the network is built otherwise.
    """
    scaled = copy.deepcopy(network)
    norms = [layer for layer in scaled.features.modules() if isinstance(layer, nn.BatchNorm2d)]
    head = scaled.classifier
    if not norms or not isinstance(head, nn.Conv2d):
        msg = f"{type(network).__name__} does not end in batch normalisation and a convolution"
        raise ModelError(msg)
    mean = _mean_responses(network, rendered)
    factor = torch.where(mean > _SILENT, 1 / mean.clamp_min(_SILENT), 1)
    with torch.no_grad():
        norms[-1].weight.mul_(factor)
        norms[-1].bias.mul_(factor)
        head.weight.div_(factor[None, :, None, None])
    return scaled


@torch.no_grad()
def _mean_responses(network: Network, rendered: Rendered) -> torch.Tensor:
    """Return the mean of F over all positions of cores, weighted by their error, float32 [C]."""
    device = next(network.parameters()).device
    total, weight = torch.zeros((), device=device), torch.zeros((), device=device)
    for one in rendered.pictures:
        maps = network.features(as_input(np.ascontiguousarray(one.rgb[None]), device))
        wrong = torch.sigmoid(-network.classifier(maps)[0, TEXT])
        cores = label(one.words, one.rgb.shape[1], one.rgb.shape[0]).classes == TEXT
        wrong = torch.where(torch.from_numpy(cores).to(device), wrong, 0)
        total = total + (maps[0] * wrong).sum(dim=(1, 2))
        weight = weight + wrong.sum()
    return total / weight.clamp_min(torch.finfo(weight.dtype).tiny)
