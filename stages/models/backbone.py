"""A classifier that others trained as a model: without a folder, and without AdGAP tables."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ModelError
from ..nets.backbones import build_backbone, classes_of, look_of, weights_file
from ..nets.head import read_head
from .model import CLASS_LIST, Backbone, InputSpec, ModelCard, Tables, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from ..nets import Network

__all__ = ["card_of", "network_of", "tables_of", "verify", "verify_weights"]

# Share of a picture's side that an object fills in ImageNet, about.
_FILLS = 0.8


def card_of(backbone: Backbone) -> ModelCard:
    """Return what is known of a backbone: its classes, and how it wants its pictures.

    The classes are ImageNet's where there are a thousand, else `class 0`, `class 1`, …. The network
    is built for it, so that what is wrong with it shows before anything is started or written.

    Raises:
        ModelError: there is no such backbone or layer, or no such weights, or they do not fit.
    """
    look = look_of(backbone.backbone)
    network_of(backbone)
    ids, names = _classes(classes_of(backbone.backbone, _file(backbone)))
    return ModelCard(
        schema="locpipe/model/1",
        name=backbone.backbone,
        description=f"{backbone.backbone} with weights {backbone.weights}",
        architecture=backbone.backbone,
        backbone=backbone,
        classes=names,
        ids=ids,
        input=InputSpec(
            channels=3,
            width=look.side,
            height=look.side,
            object_size=round(_FILLS * look.side),
            mean=look.mean,
            std=look.std,
        ),
        files={},
    )


def verify(backbone: Backbone) -> str:
    """Return the sha256 of a backbone: of its name, its layer and the file of its weights.

    Raises:
        ModelError: there are no such weights, or they are others than they should be.
    """
    decisive = [backbone.backbone, backbone.layer, verify_weights(backbone)]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def verify_weights(backbone: Backbone) -> str:
    """Return the sha256 of the file of a backbone's weights.

    Raises:
        ModelError: there are no such weights, or they are others than they should be.
    """
    file = _file(backbone)
    found = sha256_of(file)
    if backbone.sha256 not in {None, found}:
        msg = f"{file}: sha256 is {found}, the model was made with {backbone.sha256}; get that one"
        raise ModelError(msg)
    return found


def network_of(backbone: Backbone) -> Network:
    """Return the network, split, in evaluation mode on the CPU.

    Raises:
        ModelError: it has no such layer, or the weights do not fit.
    """
    return build_backbone(backbone.backbone, _file(backbone), backbone.layer)


def tables_of(network: Network, classes: int) -> Tables:
    """Return tables without a sample: empty but for `linear` of nets that end in GAP + linear.

    Raises:
        ModelError: the network cannot be followed.
    """
    channels = network.channels()
    head = read_head(network.classifier, channels)
    nothing = np.zeros((channels, classes))
    return Tables(
        error=nothing,
        baseline=np.zeros(classes),
        energy=nothing,
        excitation=nothing,
        linear=nothing if head.weights is None else head.weights.double().numpy(),
        count=np.zeros(classes, np.int64),
    )


def _file(backbone: Backbone) -> Path:
    return weights_file(backbone.backbone, backbone.weights)


@cache
def _classes(count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ids and names of classes."""
    lines = CLASS_LIST.read_text("utf-8").splitlines()
    if count != len(lines):
        return (), tuple(f"class {number}" for number in range(count))
    ids, names = zip(*(line.split("\t") for line in lines), strict=True)
    return ids, names
