"""Finds, checks and loads models.

Everything but `load_model` and `load_network` works without torch, unless the model is a backbone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, overload

from ..errors import ModelError
from ..paths import DATA, expanded
from .card import Backbone, ModelCard
from .folder import EXPORTED_FILE, FolderSource, backbone_source
from .source import Source

if TYPE_CHECKING:
    from ..nets import Network
    from .tables import Tables

_SHIPPED = DATA / "models"


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to run. It equals only itself, so that derived results can be cached.

    Attributes:
        card: the content of `model.yaml`.
        sha256: of all its files together.
        get_network: returns the network in evaluation mode, the same object at every call.
        tables: its AdGAP weights.
        exported: the ONNX file of its features at native resolution; None: it has no such file.
    """

    card: ModelCard
    sha256: str
    get_network: Callable[[], Network]
    tables: Tables
    exported: Path | None = None

    @property
    def network(self) -> Network:
        """The network in evaluation mode. With an ONNX file, few settings need it."""
        return self.get_network()


def list_models() -> tuple[Path, ...]:
    """Return the folders of the models that ship with locpipe, by name."""
    return tuple(sorted(card.parent for card in _SHIPPED.glob("*/model.yaml")))


@overload
def find_model(name_or_path: str) -> Path: ...
@overload
def find_model(name_or_path: str | Backbone) -> Path | Backbone: ...
def find_model(name_or_path: str | Backbone) -> Path | Backbone:
    """Return the folder of a shipped model by its name, or of a model at a path.

    A backbone is returned as it is.

    Raises:
        ModelError: there is no such model; the message lists those that ship.
    """
    if isinstance(name_or_path, Backbone):
        return name_or_path
    for folder in (expanded(name_or_path), _SHIPPED / name_or_path):
        if (folder / "model.yaml").is_file():
            return folder
    shipped = ", ".join(folder.name for folder in list_models())
    msg = (
        f"model {name_or_path!r} is neither a folder with a model.yaml nor one that ships with "
        f"locpipe (these do: {shipped}); give one of these, or the path of such a folder"
    )
    raise ModelError(msg)


def read_card(folder: Path | Backbone) -> ModelCard:
    """Return the parsed `model.yaml` of a model's folder, or the card of a backbone.

    Raises:
        ModelError: the card is missing or malformed; the message names the file and the key.
    """
    return _source(folder).card()


def verify_model(folder: Path | Backbone) -> str:
    """Check every file of a model against its sha256, and return the sha256 of the whole.

    Raises:
        ModelError: a file is missing or differs from what `model.yaml` says.
    """
    return _source(folder).verify()


def load_model(folder: Path | Backbone) -> Model:
    """Return the verified model in a folder, or of a backbone, ready to run on the CPU.

    Raises:
        ModelError: a file is missing, changed, or does not fit the architecture.
    """
    source = _source(folder)
    sha256 = source.verify()
    card, get_network = source.card(), cache(source.network)
    exported = None
    if isinstance(folder, Path) and EXPORTED_FILE in card.files:
        exported = folder / EXPORTED_FILE
    if exported is None:
        get_network()  # errors show before the first picture
    return Model(card, sha256, get_network, source.tables(get_network), exported)


def load_network(folder: Path | Backbone) -> Network:
    """Return the network of a model in evaluation mode on the CPU; its tables may be missing.

    Raises:
        ModelError: the weights are missing or do not fit the architecture.
    """
    return _source(folder).network()


def _source(folder: Path | Backbone) -> Source:
    if isinstance(folder, Path):
        return FolderSource(folder)
    return backbone_source(folder)
