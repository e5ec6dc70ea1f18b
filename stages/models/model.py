"""Models: folders with weights, AdGAP tables and calibrations, described by `model.yaml`.

Everything but `load_model` works without torch, so that a command line starts quickly.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays

from ..errors import ModelError
from ..paths import expanded
from ..settings import Group, Polarity, Resolution, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..nets import Network

__all__ = [
    "CLASS_LIST",
    "OFFLINE",
    "TABLES_FILE",
    "WEIGHTS_FILE",
    "Backbone",
    "Calibration",
    "Model",
    "ModelCard",
    "Tables",
    "find_model",
    "list_models",
    "load_model",
    "load_network",
    "read_card",
    "sha256_of",
    "verify_model",
]

# libyaml's safe loader is six times faster, where PyYAML was built with it.
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHIPPED = Path(__file__).resolve().parents[2] / "data" / "models"
CLASS_LIST = _SHIPPED.parent / "imagenet_classes.tsv"
WEIGHTS_FILE = "weights.safetensors"
TABLES_FILE = "tables.safetensors"
OFFLINE = "LOCPIPE_OFFLINE"
"""Environment variable: where it is set, no weights are downloaded."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Record):
    """How the network wants its pictures.

    A picture in 0..1 becomes `(picture - mean) / std`, one mean and std a channel. `object_size`
    is what an object's longer side fills of a training picture of `width` x `height` pixels.
    `stretch` says that it knows nothing but light ink on black: a hotspot is stretched, from its
    median to its 99th percentile, to look like that before it is classified.
    """

    channels: Literal[1, 3]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    object_size: Annotated[int, Field(gt=0)]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    stretch: bool = False


class Calibration(_Record):
    """Log-odds of "something of `label` is here" as `slope * H + intercept`.

    Fitted once for the model, never on the picture at hand. `label` names a class, or a group
    whose members' weights are summed or (`paper`) do not matter.
    """

    weights: Weights
    resolution: Resolution
    polarity: Polarity
    scale: Annotated[float, Field(gt=0)]
    label: str
    slope: float
    intercept: float


class Backbone(_Record):
    """A classifier that others trained: torchvision's, or EfficientNet-lite0.

    `weights` is a name that torchvision gives them, or a local file; `layer` the one that gives F,
    None: the last convolutional stage; `sha256` what the file of the weights must have.
    """

    backbone: str
    weights: str = "DEFAULT"
    layer: str | None = None
    sha256: str | None = None


class ModelCard(_Record):
    """What `model.yaml` says.

    `ids` are other names of the classes, in their order, such as WordNet's: n02389026. Where there
    is a `backbone`, the network and its weights are that one's.
    """

    schema_: Literal["locpipe/model/1"] = Field(alias="schema")
    name: str
    description: str
    architecture: str
    backbone: Backbone | None = None
    classes: tuple[str, ...]
    ids: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] = {}
    input: InputSpec
    files: dict[str, str]
    tables: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    calibrations: tuple[Calibration, ...] = ()
    training: dict[str, Any] = {}
    quality: dict[str, Any] = {}

    def members(self, label: str) -> tuple[int, ...]:
        """Return the indices of the classes that `label`, a class or a group, stands for.

        Raises:
            ModelError: the model knows no such class or group.
        """
        return tuple(self._index(name) for name in self.groups.get(label, (label,)))

    def _index(self, name: str) -> int:
        for names in (self.classes, self.ids):
            if name in names:
                return names.index(name)
        near = get_close_matches(name, self.classes, n=5)
        known = ", ".join(dict.fromkeys((*near, *self.groups, *self.classes[:20])))
        msg = f"model {self.name} knows no label {name!r}; it knows: {known}"
        raise ModelError(msg)

    def map_names(self, label: str, weights: Weights, group: Group) -> tuple[str, ...]:
        """Return the names of the maps that make up the map of a label.

        A group's members where their maps are joined by the maximum, else the label itself.

        Raises:
            ModelError: the model knows no such class or group.
        """
        members = self.members(label)
        if weights == "paper" or group == "sum":
            return (label,)
        return tuple(self.classes[member] for member in members)

    def calibrated(
        self, weights: Weights, resolution: Resolution, polarity: Polarity, label: str, scale: float
    ) -> Calibration:
        """Return the calibration for these, measured at the scale nearest in ratio.

        Raises:
            ModelError: there is none at any scale; the message says how to make it.
        """
        fitting = [
            entry
            for entry in self.calibrations
            if (entry.weights, entry.resolution, entry.polarity, entry.label)
            == (weights, resolution, polarity, label)
        ]
        if not fitting:
            msg = (
                f"model {self.name} has no calibration for label {label!r}, weights {weights}, "
                f"resolution {resolution}, polarity {polarity}: run `locpipe calibrate` with this "
                "config, or set heatmap.normalize=minmax"
            )
            raise ModelError(msg)
        return min(fitting, key=lambda entry: abs(math.log(entry.scale / scale)))


@dataclass(frozen=True)
class Tables:
    """What blocking each of C filters does to each of K classes, as `locpipe weigh` measures it.

    Attributes:
        error: float64 [C, K], dE[i, c]: mean growth of the negative log-likelihood of samples of
            class c when filter i is blocked; where the samples are positions, for one unit of
            response (`pipeline/training/text/weigh.py`).
        baseline: float64 [K], the mean error of the samples of class c with no filter blocked.
        energy: float64 [C, K], mean over samples of c of (error growth / sum(F_i^2)).
        excitation: float64 [C, K], mean of F_i over samples and positions of c.
        linear: float64 [C, K], weights of a linear classifier on spatial means of F (CAM).
        count: int64 [K], samples of class c; the tables say nothing of one without samples.
    """

    error: NDArray[np.float64]
    baseline: NDArray[np.float64]
    energy: NDArray[np.float64]
    excitation: NDArray[np.float64]
    linear: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to run: its card, its network in evaluation mode, its tables.

    Equal only to itself, so that what is derived from it can be cached.
    """

    card: ModelCard
    sha256: str
    network: Network
    tables: Tables


def list_models() -> tuple[Path, ...]:
    """Return the folders of the models that ship with locpipe, by name."""
    return tuple(sorted(card.parent for card in _SHIPPED.glob("*/model.yaml")))


@overload
def find_model(name_or_path: str) -> Path: ...
@overload
def find_model(name_or_path: str | Backbone) -> Path | Backbone: ...
def find_model(name_or_path: str | Backbone) -> Path | Backbone:
    """Return the folder of a shipped model by its name, or of a model at a path.

    A backbone is found already.

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
        f"locpipe (these do: {shipped})"
    )
    raise ModelError(msg)


def read_card(folder: Path | Backbone) -> ModelCard:
    """Return the parsed `model.yaml` of a model's folder, or what is known of a backbone.

    Raises:
        ModelError: it is missing or malformed; the message names the file and the key.
    """
    if isinstance(folder, Backbone):
        from .backbone import card_of  # noqa: PLC0415  torch only where it is needed

        return card_of(folder)
    file = folder / "model.yaml"
    try:
        document = yaml.load(file.read_text("utf-8"), _YAML)  # noqa: S506  both loaders are safe
        return ModelCard.model_validate(document)
    except OSError as error:
        msg = f"{file}: {error.strerror}; give a folder that `locpipe train` wrote"
        raise ModelError(msg) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{file} is not YAML ({error}); restore it from where the model came"
        raise ModelError(msg) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        msg = f"{file}, key {key or '(top)'}: {first['msg']}; restore it or train the model again"
        raise ModelError(msg) from error


def verify_model(folder: Path | Backbone) -> str:
    """Check every file of a model against its sha256 and return that of the whole.

    The sha256 of the whole is that of `model.yaml`, which holds those of the other files.

    Raises:
        ModelError: a file is missing or differs from what `model.yaml` says.
    """
    if isinstance(folder, Backbone):
        from .backbone import verify  # noqa: PLC0415  torch only where it is needed

        return verify(folder)
    card = read_card(folder)
    if card.backbone:
        verify_model(card.backbone)
    for name, expected in card.files.items():
        file = folder / name
        found = sha256_of(file) if file.is_file() else "no such file"
        if found != expected:
            msg = (
                f"{file}: sha256 is {found}, model.yaml says {expected}; "
                "fetch or train the model again, it was changed or damaged"
            )
            raise ModelError(msg)
    return sha256_of(folder / "model.yaml")


def load_model(folder: Path | Backbone) -> Model:
    """Return the verified model in a folder, or of a backbone, ready to run on the CPU.

    Raises:
        ModelError: a file is missing, changed, or does not fit the architecture.
    """
    sha256 = verify_model(folder)
    card = read_card(folder)
    network = load_network(folder, card)
    return Model(card, sha256, network, _load_tables(folder, card, network))


def load_network(folder: Path | Backbone, card: ModelCard) -> Network:
    """Return the network of a model in evaluation mode on the CPU; its tables may be missing.

    Raises:
        ModelError: the weights are missing or do not fit the architecture.
    """
    if card.backbone:
        from .backbone import network_of  # noqa: PLC0415  torch only where it is needed

        return network_of(card.backbone)
    assert isinstance(folder, Path)
    from safetensors.torch import load_file  # noqa: PLC0415  the same

    from ..nets import build  # noqa: PLC0415  the same

    network = build(card.architecture, len(card.classes))
    try:
        network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (RuntimeError, OSError, SafetensorError) as error:
        msg = f"{folder / WEIGHTS_FILE} does not fit architecture {card.architecture}: {error}"
        raise ModelError(msg) from error
    network.requires_grad_(requires_grad=False)
    return network


def _load_tables(folder: Path | Backbone, card: ModelCard, network: Network) -> Tables:
    if isinstance(folder, Backbone):
        from .backbone import tables_of  # noqa: PLC0415  torch only where it is needed

        return tables_of(network, len(card.classes))
    file = folder / TABLES_FILE
    try:
        stored = load_arrays(file)
        if card.backbone and "linear" not in stored:
            from .backbone import tables_of  # noqa: PLC0415  the same

            stored["linear"] = tables_of(network, len(card.classes)).linear
        # Large tables are stored in half precision.
        count = stored.pop("count", np.zeros(0)).astype(np.int64)
        return Tables(count=count, **{k: v.astype(np.float64) for k, v in stored.items()})
    except (OSError, TypeError, SafetensorError) as error:
        msg = f"{file} holds no weight tables ({error}): run `locpipe weigh` on the model"
        raise ModelError(msg) from error


def sha256_of(file: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
