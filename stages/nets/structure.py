"""What a network can do by its structure: it needs no weights, and sees no picture."""

import copy

from ..settings import Resolution
from . import build
from .backbones import shape_only
from .dense import dense_features
from .head import read_head, takes_any_size
from .network import without_data


class Structure:
    """A network with random weights or with none; with `backbone` it is one that others trained.

    Raises:
        ModelError: there is no such architecture or layer.
    """

    def __init__(
        self, architecture: str, classes: int, layer: str | None, *, backbone: bool
    ) -> None:
        if backbone:
            self._network = shape_only(architecture, classes, layer)
        else:
            self._network = build(architecture, classes)

    def require_maps(self, resolution: Resolution, *, windows: bool) -> None:
        """Check that it has the maps that `dense_features` gives.

        Raises:
            ModelError: it has not; the message says which layer is in the way.
        """
        dense_features(self._network, resolution, windows=windows)

    def takes_any_size(self) -> bool:
        """Say whether its classifier gives one answer for an F of any size."""
        return takes_any_size(self._network)

    def answers_whole_pictures(self, picture: tuple[int, int, int]) -> bool:
        """Say whether it names a picture (channels, height, width), and not every place of it."""
        return without_data(self._network, 2, *picture).ndim == 2

    def is_linear(self) -> bool:
        """Say whether it ends in global average pooling and a linear layer, as CAM's nets do."""
        classifier = self._network.classifier
        if any(values.is_meta for values in classifier.state_dict().values()):
            classifier = copy.deepcopy(classifier).to_empty(device="cpu").eval()
            for values in classifier.state_dict().values():
                if values.is_floating_point():
                    values.uniform_(0.5, 1)
        return read_head(classifier, self._network.channels()).weights is not None
