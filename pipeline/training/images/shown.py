"""The input of a network from labelled pictures: varied and normalised, or its own features."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ....stages.nets import Network
from ....stages.nets.torchvision_shim import declare_operators
from ..watched import watched
from .config import AugmentConfig, ImagesTrainConfig
from .data import Samples

_BATCH = 64


@dataclass(frozen=True)
class Shown:
    """Labelled input of a network, or of its classifier.

    Attributes:
        x: pictures uint8 [N, C, size, size], or filter responses F float32 [N, C, h, w].
        targets: bool [N, K].
        normalize: turns a batch of x into float32 input; None if x is F.
        vary: varies a batch of x; None: nothing is varied.
    """

    x: Tensor
    targets: Tensor
    normalize: Callable[[Tensor], Tensor] | None = None
    vary: Callable[[Tensor], Tensor] | None = None

    @property
    def are_features(self) -> bool:
        """Whether x is F, so that only the classifier runs."""
        return self.normalize is None

    def batch(self, index: Tensor, *, varied: bool = False) -> Tensor:
        """Return the input at `index`, float32 [n, C, h, w]."""
        x = self.x[index]
        if varied and self.vary is not None:
            x = self.vary(x)
        if self.normalize is None:
            return x
        return self.normalize(x).contiguous(memory_format=torch.channels_last)


def shown(samples: Samples, config: ImagesTrainConfig) -> Shown:
    """Return samples as the input of a network, as the config says."""
    targets = torch.from_numpy(samples.targets)
    pictures = torch.from_numpy(samples.pictures)
    return Shown(pictures, targets, _normalization(config), _variation(config.augment, config.size))


def features_of(network: Network, pictures: Shown) -> Shown:
    """Return F of pictures that are never varied, for the classifier of the network alone."""
    index = torch.arange(len(pictures.x)).split(_BATCH)
    network.eval()
    with torch.no_grad():
        parts = [
            network.features(pictures.batch(some))
            for some in watched(index, "looking", len(index), "batches")
        ]
    return Shown(torch.cat(parts).contiguous(), pictures.targets)


def _normalization(config: ImagesTrainConfig) -> Callable[[Tensor], Tensor]:
    mean, std = (torch.tensor(values)[:, None, None] for values in (config.mean, config.std))
    slope, intercept = 1 / (255 * std), -mean / std
    return lambda x: x.float() * slope + intercept


def _variation(options: AugmentConfig, size: int) -> Callable[[Tensor], Tensor] | None:
    declare_operators()
    # It can be imported only after its operators are declared.
    from torchvision.transforms import v2  # noqa: PLC0415

    steps: list[Callable[[Tensor], Tensor]] = []
    if options.crop < 1:
        steps.append(v2.RandomResizedCrop(size, (options.crop, 1), antialias=True))
    if options.flip:
        steps.append(v2.RandomHorizontalFlip(options.flip))
    if options.colour:
        steps.append(v2.ColorJitter(options.colour, options.colour, options.colour))
    if not steps:
        return None
    vary = v2.Compose(steps)
    # One at a time: torchvision varies a whole batch in the same way.
    return lambda x: torch.stack([vary(picture) for picture in x])
