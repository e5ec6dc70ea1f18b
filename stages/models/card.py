"""The card of a model, `model.yaml`: what is known before the model is loaded.

Nothing here loads torch, so that a command line starts quickly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from ..errors import ConfigError, ModelError
from ..extras import require_crf
from ..settings import Group, HeatmapSettings, Polarity, Resolution, StageSettings, Weights

if TYPE_CHECKING:
    from ..nets.structure import Structure
    from .tables import Measured

Groups = Mapping[str, tuple[str, ...]]
_TOP = re.compile(r"top([1-9]\d*)")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Record):
    """How the network wants its pictures.

    A picture in 0..1 becomes `(picture - mean) / std`, one mean and std per channel. `object_size`
    is the length of an object's longer side in a training picture of `width` x `height` pixels.
    `stretch` says that the network knows only light ink on black. Then a hotspot is stretched
    before it is classified: its median becomes black, its 99th percentile white.
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

    It is fitted once per model, never per picture. `label` is a class or a group. For a group, the
    weights of the members are summed, or are the same for all (`paper`).
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

    `weights` is a name of torchvision, or a local file. `layer` gives F; None: the last
    convolutional stage. `sha256` is that of the file of the weights.
    """

    backbone: str
    weights: str = "DEFAULT"
    layer: str | None = None
    sha256: str | None = None
    classes: tuple[str, ...] = ()


class ModuleCard(_Record):
    """A `torch.nn.Module` in memory: the layer that gives F, and the sha256 of the state dict."""

    layer: str | None
    sha256: str


class ModelCard(_Record):
    """The content of `model.yaml`.

    `defaults` are the values of a config that has only the key `model`, such as `{"heatmap":
    {"weights": "linear"}}`. `ids` are other names of the classes, in their order, such as WordNet's
    n02389026. With a `backbone`, the network and the weights are those of the backbone. With a
    `module`, the caller that loads the model brings the network.
    """

    schema_: Literal["locpipe/model/1"] = Field(alias="schema")
    name: str
    description: str
    architecture: str
    backbone: Backbone | None = None
    module: ModuleCard | None = None
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
    defaults: dict[str, dict[str, Any]] = {}
    _tables_file: Path | None = PrivateAttr(None)

    def model_post_init(self, context: object, /) -> None:
        """Keep the file of the tables, which the reader of the card passes as the context."""
        if isinstance(context, Path):
            self._tables_file = context

    def with_groups(self, groups: Groups) -> ModelCard:
        """Return the card with groups of classes added."""
        return self.model_copy(update={"groups": {**self.groups, **groups}})

    def labels(self, settings: HeatmapSettings) -> tuple[str, ...]:
        """Return the labels of the settings; if they have none, the groups, else all classes."""
        return settings.labels or tuple(self.with_groups(settings.groups).groups) or self.classes

    def count_of_maps(self, settings: HeatmapSettings) -> int:
        """Return the largest number of maps: one per label, five for `top5`."""
        tops = map(top_count, self.labels(settings))
        return sum(1 if top is None else min(top, len(self.classes)) for top in tops)

    def members(self, label: str) -> tuple[int, ...]:
        """Return the indices of the classes of `label`, a class or a group.

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
        """Return the names of the maps of a label: one, or those of the members of a group.

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
        """Return the calibration for these arguments, measured at the scale with the nearest ratio.

        Raises:
            ModelError: there is no calibration at any scale; the message says how to make one.
        """
        fitting = [
            entry
            for entry in self.calibrations
            if (entry.weights, entry.resolution, entry.polarity, entry.label)
            == (weights, resolution, polarity, label)
        ]
        if not fitting:
            advice = self._calibrated_by(label)
            msg = (
                f"model {self.name} has no calibration for label {label!r}, weights {weights}, "
                f"resolution {resolution}, polarity {polarity}: {advice}set heatmap.normalize=minmax"
            )
            raise ModelError(msg)
        return min(fitting, key=lambda entry: abs(math.log(entry.scale / scale)))

    def _calibrated_by(self, label: str) -> str:
        """Return a remedy that ends in "or ": set a calibration that exists, or make one."""
        there = [entry for entry in self.calibrations if entry.label == label]
        if there:
            one = there[0]
            return (
                f"set heatmap.weights={one.weights}, infer.resolution={one.resolution} and "
                f"infer.polarity={one.polarity}, which have one, or "
            )
        if self.backbone or self.defaults:  # `locpipe calibrate` is for models of digits and text
            return ""
        return "run `locpipe calibrate` with this config, or "

    def require_measured(self, label: str, weights: Weights, measured: Measured) -> None:
        """Check that the measured tables have values for a label (a class or a group).

        Raises:
            ModelError: they have none; the message says how to measure them.
        """
        if not measured.tells_of(self.members(label), weights):
            msg = (
                f"the weights `{weights}` of label {label!r} were not measured in model "
                f"{self.name}: run `locpipe weigh` on labelled pictures, or set "
                "heatmap.weights=classifier"
            )
            raise ModelError(msg)

    def no_probabilities(self) -> ModelError:
        """Return the error of a model that cannot say what a whole picture shows."""
        return ModelError(
            f"model {self.name} does not say how probable a class is in a whole picture, as "
            "its classifier takes one size only, or answers for every place (as all do with "
            "heatmap.weights=classifier): give heatmap.labels by name, and "
            "heatmap.min_probability=0"
        )

    def cannot_classify(self) -> ModelError:
        """Return the error of a model that cannot say what a box shows."""
        return ModelError(
            f"the classifier of model {self.name} answers for every cell, not for a whole "
            "picture, so it cannot name boxes: set boxes.classify=false"
        )

    def supports(self, settings: StageSettings) -> None:
        """Check that the model can do what the settings ask for, without running a network.

        No weights are read. Where the card is not enough, the structure of the architecture and the
        tables are looked at. Torch is loaded only in that case.

        Raises:
            ModelError: a label or its calibration is missing; the message says which.
            ConfigError: the model or the installed packages cannot do something else that the
                settings ask for; the message says what to change.
        """
        if settings.refine.method == "crf":
            require_crf()
        if settings.infer.coarse != "none" and settings.heatmap.normalize == "minmax":
            msg = (
                "infer.coarse takes large letters by their heat, which minmax puts on no fixed "
                "scale: set infer.coarse=none, or heatmap.normalize=calibrated"
            )
            raise ConfigError(msg)
        card = self.with_groups(settings.heatmap.groups)
        labels = card.labels(settings.heatmap)
        names = [label for label in labels if top_count(label) is None]
        for label in names:
            card.require_calibrated(label, settings)
        try:
            card.require_structure(settings, by_picture=len(names) < len(labels))
            if settings.heatmap.normalize == "minmax" or len(names) < len(labels):
                card.require_tables(names, settings)
        except ModelError as error:
            raise ConfigError(str(error)) from error

    def require_calibrated(self, label: str, settings: StageSettings) -> None:
        """Check that there is a label and, if the settings need it, its calibration.

        Raises:
            ModelError: the label or the calibration is missing.
        """
        options, infer = settings.heatmap, settings.infer
        self.members(label)
        if options.normalize == "minmax" or options.weights == "classifier":
            return
        for name in self.map_names(label, options.weights, options.group):
            for polarity in infer.polarities:
                self.calibrated(options.weights, infer.resolution, polarity, name, 1.0)

    def require_structure(self, settings: StageSettings, *, by_picture: bool) -> None:
        """Check that the architecture has the maps and the answers that the settings need.

        With `by_picture`, labels are chosen by what the picture shows.

        Raises:
            ModelError: it has not; the message says what is missing.
        """
        resolution, classify = settings.infer.resolution, settings.boxes.classify
        windows = settings.heatmap.weights == "classifier"
        by_picture = by_picture or settings.heatmap.min_probability > 0
        if by_picture and windows:
            raise self.no_probabilities()
        if not (by_picture or windows or classify or resolution != "native"):
            return
        structure = self._structure()
        structure.require_maps(resolution, windows=windows)
        if by_picture and not structure.takes_any_size():
            raise self.no_probabilities()
        shown = (self.input.channels, self.input.height, self.input.width)
        if classify and not structure.answers_whole_pictures(shown):
            raise self.cannot_classify()

    def require_tables(self, names: Sequence[str], settings: StageSettings) -> None:
        """Check that these labels can be weighed; without labels, that at least one class can.

        Raises:
            ModelError: their weights were not measured, or they have no calibration.
        """
        weights = settings.heatmap.weights
        measured = self._measured(weights)
        problems = []
        for label in names or self.classes:
            try:
                self.require_measured(label, weights, measured)
                self.require_calibrated(label, settings)
            except ModelError as error:
                problems.append(error)
        if problems and (names or len(problems) == len(self.classes)):
            raise problems[0]

    def _measured(self, weights: Weights) -> Measured:
        from .tables import read_measured  # noqa: PLC0415  it loads numpy

        measured = read_measured(self._tables_file, len(self.classes))
        # `linear` is not stored if it is the last layer of the network.
        if weights == "linear" and self.backbone and not measured.linear.any():
            measured.linear[:] = self._structure().is_linear()
        return measured

    def _structure(self) -> Structure:
        from ..nets.structure import Structure  # noqa: PLC0415  it loads torch

        backbone = self.backbone
        name = backbone.backbone if backbone else self.architecture
        layer = backbone.layer if backbone else None
        return Structure(name, len(self.classes), layer, backbone=backbone is not None)


def top_count(label: str) -> int | None:
    """Return 5 for `top5`, the five most probable classes of the picture; None for other labels."""
    top = _TOP.fullmatch(label)
    return None if top is None else int(top[1])
