"""A classifier that others trained, as a model. It has no folder and no AdGAP tables."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..nets import Network
from ..nets.backbones import build_backbone, classes_of, look_of, require_maps, weights_file
from ..nets.head import read_head
from ..paths import DATA, sha256_of
from .card import Backbone, InputSpec, ModelCard
from .tables import Tables

CLASS_LIST = DATA / "imagenet_classes.tsv"
# Approximate share of a picture's side that an object fills in ImageNet.
_FILLS = 0.8


class BackboneSource:
    """A backbone and its weights; it fulfils `Source`."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def card(self) -> ModelCard:
        """Return the card: the classes, and how the network wants its pictures.

        Classes have the names that the backbone gives. If it gives none, a thousand classes are
        ImageNet's, and others are called `class 0`, `class 1`, …. The network is built here, so
        that errors show before anything is started or written.

        Raises:
            ModelError: there is no such backbone, layer or file of weights, or they do not fit.
        """
        backbone = self._backbone
        look = look_of(backbone.backbone)
        self.network()
        ids, names = classes_named(classes_of(backbone.backbone, self._file()))
        if backbone.classes:
            ids, names = (), self._named(len(names))
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

    def verify(self) -> str:
        """Return the sha256 of name, layer and weights; errors as for `weights_sha256`."""
        decisive = [self._backbone.backbone, self._backbone.layer, self.weights_sha256()]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def weights_sha256(self) -> str:
        """Return the sha256 of the file of the weights.

        Raises:
            ModelError: there are no such weights, or they are not the expected ones.
        """
        file = self._file()
        found, expected = sha256_of(file), self._backbone.sha256
        if expected not in {None, found}:
            msg = f"{file}: sha256 is {found}, the model was made with {expected}; get that one"
            raise ModelError(msg)
        return found

    def network(self) -> Network:
        """Return the network, split; see `Source`."""
        return build_backbone(self._backbone.backbone, self._file(), self._backbone.layer)

    def tables(self, get_network: Callable[[], Network]) -> Tables:
        """Return tables without a sample, see `unmeasured`."""
        return unmeasured(get_network(), classes_of(self._backbone.backbone, self._file()))

    def _named(self, count: int) -> tuple[str, ...]:
        names = self._backbone.classes
        if len(names) != count or len(set(names)) != count:
            msg = (
                f"model.classes: {len(names)} names ({len(set(names))} different), but the last layer "
                f"of {self._file()} has {count} classes; give each of them a name of its own"
            )
            raise ModelError(msg)
        return names

    def _file(self) -> Path:
        if self._backbone.layer is None:
            require_maps(self._backbone.backbone)  # before weights are looked for, or downloaded
        return weights_file(self._backbone.backbone, self._backbone.weights)


def unmeasured(network: Network, classes: int) -> Tables:
    """Return tables without samples; only nets that end in GAP + linear have `linear`.

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


@cache
def classes_named(count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ids and names of classes: those of ImageNet if `count` is a thousand."""
    lines = CLASS_LIST.read_text("utf-8").splitlines()
    if count != len(lines):
        return (), tuple(f"class {number}" for number in range(count))
    ids, names = zip(*(line.split("\t") for line in lines), strict=True)
    return ids, names
