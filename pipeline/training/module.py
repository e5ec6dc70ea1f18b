"""A classifier in memory: weighed, saved in a folder, and loaded again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from ...stages.errors import ConfigError, ModelError
from ...stages.models.folder import FolderSource
from ...stages.models.loading import Model
from ...stages.models.module import model_of_module
from .ablation import weigh as measure
from .card import made_with, write_tables


@dataclass(frozen=True, eq=False)
class WeighedModel(Model):
    """A module in memory with its AdGAP tables; see `Model` for the attributes."""

    def save(self, folder: str | Path) -> None:
        """Write the tables and the card, which names the module by the sha256 of its weights.

        The weights stay in the module: `locpipe.load(folder, module)` joins both again.

        Raises:
            OutputError: the folder cannot be written.
        """
        about = {"pictures": int(self.tables.count.sum()), **made_with("torch")}
        write_tables(Path(folder), self.card, dict(vars(self.tables)), about)


def weigh(
    module: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    *,
    layer: str | None = None,
    classes: Sequence[str] = (),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> WeighedModel:
    """Measure the AdGAP weights of a classifier in memory: `locpipe weigh` for programs.

    Each filter of `layer` is blocked in turn. Its weight is the growth of the classification error
    (Ghosh et al., "AdGAP", equation 1). The module itself is not changed.

    Args:
        module: pictures [N, C, H, W] to logits [N, classes].
        loader: batches of pictures float32 [N, C, H, W] as the module wants them, and labels int64
            [N]. A class without pictures has no weights.
        layer: the layer whose filters are weighed; None: the last convolutional stage.
        classes: names of all classes, in the order of the logits.
        mean: mean of each channel of pictures in 0..1, used by `localize`; empty: that of ImageNet.
        std: standard deviation of each channel, in the same way.

    Returns:
        A model for `locpipe.localize`; `model.save(folder)` keeps it.

    Raises:
        ModelError: the network cannot be cut there, or an argument does not fit it.
        ConfigError: the loader has no picture, or a label is no class of the module.

    Example:
        >>> import locpipe
        >>> import numpy as np
        >>> import torch
        >>> from torch import nn
        >>> net = nn.Sequential(
        ...     nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        ... )
        >>> batches = [(torch.rand(8, 3, 32, 32), torch.arange(8) % 2)]
        >>> model = locpipe.weigh(net, batches, classes=["cat", "dog"])
        >>> model.tables.error.shape
        (4, 2)
        >>> picture = np.full((40, 50, 3), 128, np.uint8)
        >>> locpipe.localize(picture, model).heatmap.normalize
        'minmax'
    """
    model = model_of_module(module, layer=layer, classes=classes, mean=mean, std=std)
    count = len(model.card.classes)
    tables = measure(model.network, _within(loader, count), count, some=True)
    return WeighedModel(model.card, model.sha256, model.get_network, tables)


def load(folder: str | Path, module: nn.Module) -> WeighedModel:
    """Return a model that `WeighedModel.save` wrote, with the module that it was measured on.

    Raises:
        ModelError: the folder holds no such model, is damaged, or was measured on other weights.
    """
    source = FolderSource(Path(folder))
    source.verify()
    card = source.card()
    if card.module is None:
        msg = f"{folder} was not made of a module in memory; give its name as `model` instead"
        raise ModelError(msg)
    layer, mean, std, side = card.module.layer, card.input.mean, card.input.std, card.input.width
    model = model_of_module(
        module, layer=layer, classes=card.classes, mean=mean, std=std, side=side
    )
    if model.sha256 != card.module.sha256:
        msg = (
            f"{folder} was measured on weights of sha256 {card.module.sha256}, this module has "
            f"{model.sha256}; give that module, or measure again with locpipe.weigh"
        )
        raise ModelError(msg)
    return WeighedModel(card, model.sha256, model.get_network, source.tables(model.get_network))


def _within(
    loader: Iterable[tuple[Tensor, Tensor]], classes: int
) -> Iterable[tuple[Tensor, Tensor]]:
    for pictures, labels in loader:
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            msg = f"loader: labels run from {int(labels.min())} to {int(labels.max())}, but the module tells {classes} classes apart; give labels from 0 to {classes - 1}"
            raise ConfigError(msg)
        yield pictures, labels
