"""The protocol of all sources of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..nets import Network
    from .card import ModelCard
    from .tables import Tables


class Source(Protocol):
    """A model folder, a backbone with weights, or a network in memory."""

    def card(self) -> ModelCard:
        """Return the card of the model.

        Raises:
            ModelError: the card is missing or malformed.
        """

    def verify(self) -> str:
        """Check every file of the model and return the sha256 of the whole.

        Raises:
            ModelError: a file is missing or changed.
        """

    def network(self) -> Network:
        """Return the network in evaluation mode on the CPU; its tables may be missing.

        Raises:
            ModelError: the weights are missing or do not fit the architecture.
        """

    def tables(self, get_network: Callable[[], Network]) -> Tables:
        """Return the tables of weights. Few sources need the network for that.

        Raises:
            ModelError: the tables are missing or damaged.
        """
