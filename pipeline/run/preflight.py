"""What is checked before a run starts or writes anything."""

from ...stages.errors import ConfigError
from ...stages.models.card import ModelCard
from ..config.sections import Config

__all__ = ["check_masks"]


def check_masks(card: ModelCard, config: Config) -> None:
    """See that the 8 bits of the masks that a run writes suffice for the labels.

    Raises:
        ConfigError: they do not.
    """
    count = card.count_of_maps(config.heatmap)
    if config.output.masks and count > 255:
        msg = (
            f"output.masks: a mask of 8 bits numbers 255 labels, but there are {count}; "
            "name fewer in heatmap.labels, or set output.masks=false"
        )
        raise ConfigError(msg)
