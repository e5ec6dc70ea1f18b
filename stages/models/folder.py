"""Model folders: `model.yaml`, weights and tables, each file with its sha256."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from ..errors import ModelError
from ..paths import sha256_of
from .card import Backbone, ModelCard

if TYPE_CHECKING:
    from ..nets import Network
    from .backbone import BackboneSource
    from .tables import Tables

# The safe loader of libyaml is six times faster, if PyYAML was built with it.
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WEIGHTS_FILE = "weights.safetensors"
TABLES_FILE = "tables.safetensors"
EXPORTED_FILE = "features.onnx.zip"


class FolderSource:
    """A model in a folder; it fulfils `Source`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def card(self) -> ModelCard:
        """Return the parsed `model.yaml`; see `Source`. An error names the file and the key."""
        return self._card

    @cached_property
    def _card(self) -> ModelCard:
        file = self._folder / "model.yaml"
        try:
            document = yaml.load(file.read_text("utf-8"), _YAML)  # noqa: S506  both are safe
            return ModelCard.model_validate(document, context=self._folder / TABLES_FILE)
        except OSError as error:
            msg = f"{file}: {error.strerror}; give a folder that `locpipe train` wrote"
            raise ModelError(msg) from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            msg = f"{file} is not YAML ({error}); restore it from where the model came"
            raise ModelError(msg) from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "(top)"
            msg = f"{file}, key {key}: {first['msg']}; restore it or train the model again"
            raise ModelError(msg) from error

    def verify(self) -> str:
        """Return the sha256 of `model.yaml`, which lists those of the other files; see `Source`."""
        card = self.card()
        if card.backbone:
            backbone_source(card.backbone).verify()
        for name, expected in card.files.items():
            file = self._folder / name
            found = sha256_of(file) if file.is_file() else "no such file"
            if found != expected:
                msg = (
                    f"{file}: sha256 is {found}, model.yaml says {expected}; "
                    "fetch or train the model again, it was changed or damaged"
                )
                raise ModelError(msg)
        return sha256_of(self._folder / "model.yaml")

    def network(self) -> Network:
        """Return the network; see `Source`."""
        from ..nets.stored import stored_network  # noqa: PLC0415  it loads torch

        card = self.card()
        if card.backbone:
            return backbone_source(card.backbone).network()
        if card.module:
            msg = (
                f"{self._folder} holds the tables of a {card.architecture}, but not the network; "
                "load it in Python: locpipe.load(folder, module)"
            )
            raise ModelError(msg)
        return stored_network(card.architecture, len(card.classes), self._folder / WEIGHTS_FILE)

    def tables(self, get_network: Callable[[], Network]) -> Tables:
        """Return the tables; see `Source`."""
        from .tables import read_tables  # noqa: PLC0415  it loads numpy

        backbone = self.card().backbone
        others = (
            {}
            if backbone is None
            else {"linear": backbone_source(backbone).tables(get_network).linear}
        )
        return read_tables(self._folder / TABLES_FILE, others)


def backbone_source(backbone: Backbone) -> BackboneSource:
    """Return a backbone as the source of a model."""
    from .backbone import BackboneSource  # noqa: PLC0415  it loads torch

    return BackboneSource(backbone)
