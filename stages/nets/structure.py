"""What a network can do, read from its structure without weights or pictures."""

import copy

from ..settings import Resolution
from . import build
from .backbones import shape_only
from .dense import dense_features
from .head import read_head, takes_any_size
from .network import without_data


class Structure:
    """A network with random weights or none. With `backbone`, it is the network of that backbone.

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
        """Check that `dense_features` can give its maps.

        Raises:
            ModelError: it cannot; the message names the layer that prevents it.
        """
        dense_features(self._network, resolution, windows=windows)

    def takes_any_size(self) -> bool:
        """Say whether the classifier takes F of any size and gives one answer."""
        return takes_any_size(self._network)

    def answers_whole_pictures(self, picture: tuple[int, int, int]) -> bool:
        """Say whether it gives one answer for a picture (channels, height, width), not many."""
        return without_data(self._network, 2, *picture).ndim == 2

    def is_linear(self) -> bool:
        """Say whether it ends in global average pooling and a linear layer, as the nets of CAM."""
        classifier = self._network.classifier
        if any(values.is_meta for values in classifier.state_dict().values()):
            classifier = copy.deepcopy(classifier).to_empty(device="cpu").eval()
            for values in classifier.state_dict().values():
                if values.is_floating_point():
                    values.uniform_(0.5, 1)
        return read_head(classifier, self._network.channels()).weights is not None
