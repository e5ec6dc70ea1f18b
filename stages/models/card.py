"""What is known of a model before it is loaded: its card, `model.yaml`.

Nothing here loads torch, so that a command line starts quickly.
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import ModelError
from ..settings import Group, Polarity, Resolution, Weights

__all__ = ["Backbone", "Calibration", "InputSpec", "ModelCard"]


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
