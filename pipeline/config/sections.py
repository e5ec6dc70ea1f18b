"""What a config may say: one frozen model a section, every key with its meaning.

`configfile` reads YAML into these; `locpipe config schema` publishes them as JSON Schema.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    model_validator,
)

from ...stages.models.model import Backbone
from ...stages.paths import expanded

__all__ = [
    "BoxesConfig",
    "Config",
    "HeatmapConfig",
    "InferConfig",
    "InputConfig",
    "ModelConfig",
    "OutputConfig",
    "RefineConfig",
    "RunConfig",
    "Section",
    "ThresholdConfig",
    "UserPath",
]


def _expand(value: object) -> object:
    if not isinstance(value, str | Path):
        msg = "should be a path; put it in quotes"  # YAML takes 2024 for a number
        raise ValueError(msg)  # noqa: TRY004 - pydantic wants it
    path = os.path.expandvars(value)
    if not path:  # as of a variable that a script forgot to set
        msg = "should not be empty; . is the current directory"
        raise ValueError(msg)
    return expanded(path)


UserPath = Annotated[Path, BeforeValidator(_expand), PlainSerializer(str)]
"""A path as users write it: `~` and `$VAR` expand; relative means the current directory."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
OneOrMore = Annotated[
    tuple[Positive, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Positive | tuple[Positive, ...]),
]


def _kind_of_model(value: object) -> str:
    return "<backbone>" if isinstance(value, dict | Section) else "<name>"


Level = Annotated[int, Field(ge=0, le=255)]
ExportFormat = Literal["uzn", "crops", "page", "alto", "hocr", "icdar", "coco", "labelstudio"]


class Section(BaseModel):
    """Base of every section: frozen, strict about types, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_section_means_defaults(cls, value: object) -> object:
        return {} if value is None else value


class ModelConfig(Section):
    """A classifier that others trained, instead of a model folder."""

    backbone: str = Field(min_length=1)
    """Name of a classifier of torchvision, or efficientnet_lite0 (`locpipe models backbones`)."""
    weights: str = Field(default="DEFAULT", min_length=1)
    """DEFAULT, another of torchvision's names, or a local file (.safetensors or .pth)."""
    layer: str | None = None
    """Layer whose responses are weighed; null: the last convolutional stage."""

    def source(self) -> Backbone:
        """Return it as the stages know it, a local file by its absolute path."""
        path = expanded(os.path.expandvars(self.weights))
        weights = str(path.absolute()) if path.is_file() else self.weights
        return Backbone(backbone=self.backbone, weights=weights, layer=self.layer)


class InputConfig(Section):
    """Which pictures, and how they are decoded."""

    path: UserPath = Path("data/samples")
    """A folder (scanned recursively), a glob, one picture, or a manifest (.txt or .jsonl)."""
    background: Annotated[tuple[Level, Level, Level], Field(strict=False)] = (255, 255, 255)
    """Red, green, blue that transparent pixels are composed on."""
    max_megapixels: Positive = 100.0
    """Larger pictures are refused before they are decoded."""


class OutputConfig(Section):
    """Where results go, and which."""

    path: UserPath = Path("output")
    """Folder of the results; created when missing."""
    masks: bool = True
    """Write masks/<picture>.png, 8 bit, of the size of the picture."""
    overlays: bool = False
    """Write overlays/<picture>.jpg: the picture with its heatmap and boxes, for looking at."""
    heatmaps: bool = False
    """Write heatmaps/<picture>.png, 8 bit, of the size of the picture."""
    exports: Annotated[tuple[ExportFormat, ...], Field(strict=False)] = ()
    """Formats for other programs, written to exports/ as pictures finish (docs/ocr.md)."""


class InferConfig(Section):
    """How the network sees the picture."""

    resolution: Literal["native", "atrous", "unpooled"] = "native"
    """native: the map of the network as it is; atrous: exact dense map (pooling with stride 1,
    what follows dilated); unpooled: pooling left out, as the authors of AdGAP did."""
    scale: OneOrMore = (1.0,)
    """Factor on both sides of the picture before the network, a number or a list of numbers;
    the maps of several are merged into one."""
    long_side: Annotated[int, Field(gt=0)] | None = None
    """Shrink the picture so that its longest side is at most this many pixels; null: never."""
    enlarge_to: Positive | None = None
    """Enlarge a smaller picture to this many megapixels, but to no more than 1.5 times its sides;
    null: never."""
    polarity: Literal["normal", "inverted", "both"] = "normal"
    """Show the picture, its negative, or both (the maps are merged by their maximum)."""
    padding: Literal["replicate", "reflect", "zeros"] = "replicate"
    """What the convolutions see beyond the border of the picture."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions; bfloat16: on processors that have it (AVX-512 BF16, AMX), nearly twice
    as fast; on others float32."""


class HeatmapConfig(Section):
    """How the maps of the last convolution are weighed and summed."""

    weights: Literal[
        "paper", "class", "contrast", "energy", "excitation", "linear", "classifier"
    ] = "class"
    """Which table of AdGAP weights of the model (docs/methods.md); classifier: none, but the
    answer of the whole classifier in every window of the picture."""
    labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Classes or groups of classes of the model, one map each; top1, top5, …: the classes most
    probable in the picture; empty: what the model proposes."""
    groups: dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]] = {}
    """Groups of classes besides those of the model: a name, and its classes."""
    min_probability: Fraction = 0.0
    """The map of a label whose classes are together less probable in the whole picture is dark."""
    group: Literal["max", "sum"] = "max"
    """How the maps of the classes of a group become one."""
    normalize: Literal["calibrated", "minmax"] = "calibrated"
    """calibrated: the fixed calibration of the model; minmax: the picture's own minimum and
    maximum, as in the paper (a picture with nothing on it lights up too)."""
    merge: Literal["max", "mean"] = "max"
    """How the maps of several scales become one."""

    @model_validator(mode="after")
    def _weights_to_add(self) -> Self:
        if self.weights == "classifier" and self.group == "sum":
            msg = "group: sum adds weights, and classifier has none; use group: max"
            raise ValueError(msg)
        return self


class ThresholdConfig(Section):
    """Which cells of the heatmap are foreground."""

    method: Literal["fixed", "mean_std", "otsu", "hysteresis"] = "fixed"
    """fixed: above `value`; mean_std: above mean + k * standard deviation of the picture;
    otsu: Otsu's threshold of the picture; hysteresis: above `low` and joined to above `high`."""
    value: Fraction = 0.5
    """Threshold of `fixed`."""
    k: Annotated[float, Field(ge=0)] = 2.0
    """Standard deviations above the mean for `mean_std`; the authors use 2."""
    low: Fraction = 0.3
    """Lower threshold of `hysteresis`."""
    high: Fraction = 0.6
    """Upper threshold of `hysteresis`."""

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low > self.high:
            msg = f"low ({self.low}) must not be above high ({self.high})"
            raise ValueError(msg)
        return self


class RefineConfig(Section):
    """Whether masks, and so boxes, are worked out pixel by pixel."""

    method: Literal["none", "bilinear", "grabcut", "crf"] = "none"
    """none: masks consist of cells of the map; bilinear: of pixels, heat interpolated between the
    cells; grabcut, crf: the same, then corrected by the colours of the picture (docs/methods.md;
    crf needs pip install 'locpipe[crf]')."""
    background: Fraction = 0.1
    """Heat below which grabcut never puts the object."""
    long_side: Annotated[int, Field(ge=16)] | None = 400
    """Compare colours on the picture shrunk to this many pixels, for speed, and scale the mask up;
    null: on the picture as it is."""


class BoxesConfig(Section):
    """How foreground cells become boxes."""

    connectivity: Literal[4, 8] = 8
    """Neighbours of a cell: 8 joins diagonally, 4 does not."""
    min_area: Annotated[float, Field(ge=0)] = 0.0
    """Smaller components are dropped; square pixels of the picture."""
    min_side: Annotated[float, Field(ge=0)] = 0.0
    """Boxes with a shorter side are dropped; pixels of the picture."""
    split: Fraction = 0.0
    """Components are cut where they are thinner than this share of their height; 0: never."""
    merge: Annotated[float, Field(ge=0)] = 0.0
    """Boxes of a line that stand nearer than this become one, in units of the height of the higher
    one, so that 10 gives whole lines; 0: never."""
    shape: Literal["upright", "rotated", "polygon"] = "upright"
    """upright: rectangles along the sides of the picture; rotated: of least area at any angle;
    polygon: the same, and around bent words a ribbon of 14 corners that follows them."""
    padding: Annotated[float, Field(ge=0)] = 0.0
    """Added on every side; in units of the height of the box."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """Added on every side as well; pixels of the picture."""
    fill: bool = False
    """Masks show the insides of the boxes, not the components that the boxes were made of."""
    max: Annotated[int, Field(ge=1)] = 1000
    """At most so many boxes a picture, the best ones; a warning in the result says what was cut."""
    classify: bool = False
    """Give each box the class and probability that the classifier of the model finds in it."""


class RunConfig(Section):
    """How the work is spread; changes no result."""

    workers: Annotated[int, Field(ge=0)] | None = None
    """Worker processes; 0: in this process; null: the cores given to us / threads."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Torch threads a worker. Results are byte-identical only between equal numbers."""
    scheduler: str | None = None
    """Address of a running Dask scheduler (tcp://host:8786) to use instead of own workers."""
    timeout: Positive = 600.0
    """Seconds a picture may take before its worker is ended; not with workers: 0."""
    memory_limit: ByteSize | None = None
    """Memory a worker, as bytes or "4GiB"; null: an equal share of the memory given to us."""
    max_attempts: Annotated[int, Field(ge=1)] = 3
    """Runs in which an unchanged picture may fail before later runs leave it alone."""


class Config(Section):
    """All that `locpipe run` can be told."""

    model: Annotated[
        Annotated[str, Field(min_length=1), Tag("<name>")]
        | Annotated[ModelConfig, Tag("<backbone>")],
        Discriminator(_kind_of_model),
    ]
    """Name of a shipped model (`locpipe models list`), path of a model folder, or a section that
    names a backbone and its weights."""
    input: InputConfig = InputConfig()
    output: OutputConfig = OutputConfig()
    infer: InferConfig = InferConfig()
    heatmap: HeatmapConfig = HeatmapConfig()
    threshold: ThresholdConfig = ThresholdConfig()
    refine: RefineConfig = RefineConfig()
    boxes: BoxesConfig = BoxesConfig()
    run: RunConfig = RunConfig()

    @property
    def source(self) -> str | Backbone:
        """The model as the stages know it."""
        return self.model if isinstance(self.model, str) else self.model.source()

    def sha256(self) -> str:
        """Hash of what decides the result: no paths of pictures, no outputs, no workers."""
        decisive = self.model_dump(
            include={
                "model": True,
                "infer": True,
                "heatmap": True,
                "threshold": True,
                "refine": True,
                "boxes": True,
                "input": {"background", "max_megapixels"},
            }
        )
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
