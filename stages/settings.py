"""The settings of each stage: frozen models with all defaults and choices.

The sections of the config are these models (`pipeline/config/sections.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

OFFLINE: Final = "LOCPIPE_OFFLINE"
"""Environment variable: if it is set, no weights are downloaded."""

RESULT_VERSION: Final = 8
"""It goes up whenever the same picture, model and config give other boxes or masks than before.

It is part of the hash of a config. So an upgrade recomputes results only if they change.
"""

Weights = Literal["paper", "class", "contrast", "energy", "excitation", "linear", "classifier"]
Resolution = Literal["native", "atrous", "unpooled"]
Polarity = Literal["normal", "inverted"]
Padding = Literal["replicate", "reflect", "zeros"]
Coarse = Literal["none", "auto"]
Precision = Literal["float32", "bfloat16"]
PrecisionChoice = Literal["auto", Precision]
InferEngineName = Literal["torch", "onnxruntime", "openvino"]
Device = Literal["cpu", "cuda"]
DeviceChoice = Literal["auto", "cpu", "cuda"]
EngineChoice = Literal["auto", "torch", "onnxruntime", "openvino"]
Group = Literal["max", "sum"]
Normalize = Literal["calibrated", "minmax"]
Merge = Literal["max", "mean"]
ThresholdMethod = Literal["fixed", "mean_std", "otsu", "hysteresis"]
Refinement = Literal["bilinear", "grabcut", "crf"]
Connectivity = Literal[4, 8]
Shape = Literal["upright", "rotated", "polygon"]
TextDirection = Literal["ltr", "rtl", "ttb"]
Direction = Literal["auto", TextDirection]

Byte = Annotated[int, Field(ge=0, le=255)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


def _largest_first(scales: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted(scales, reverse=True))


Scales = Annotated[
    tuple[Positive, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Positive | tuple[Positive, ...]),
    AfterValidator(_largest_first),
]
"""One or more scales. Their order changes nothing, so the largest comes first."""


class Section(BaseModel):
    """Base of every section: frozen, strict about types, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_section_means_defaults(cls, value: object) -> object:
        return {} if value is None else value


class DecodingSettings(Section):
    """How pictures are decoded."""

    background: Annotated[tuple[Byte, Byte, Byte], Field(strict=False)] = (255, 255, 255)
    """Red, green, blue that transparent pixels are composed on."""
    max_megapixels: Positive = 2500.0
    """Larger pictures are refused before decoding. Pictures of more than 100 megapixels are decoded
    by rows, which needs pip install 'locpipe[huge]'."""


class InferSettings(Section):
    """How the network sees the picture."""

    resolution: Resolution = "native"
    """native: the map of the network as it is; atrous: exact dense map (pooling with stride 1,
    what follows dilated); unpooled: pooling left out, as the authors of AdGAP did."""
    scale: Scales = (1.0,)
    """Factor on both sides of the picture before the network, a number or a list of numbers;
    the maps of several are merged into one."""
    coarse: Coarse = "none"
    """auto: also show the picture at a quarter and a sixteenth of the size, if it can hold letters
    too large for the network; only large letters are taken from these; none: do not."""
    long_side: Annotated[int, Field(gt=0)] | None = None
    """Shrink the picture so that its longest side is at most this many pixels; null: never."""
    enlarge_to: Positive | None = None
    """Enlarge a smaller picture to this many megapixels, but to no more than 1.5 times its sides;
    null: never."""
    polarity: Literal[Polarity, "both"] = "normal"
    """Show the picture, its negative, or both (the maps are merged by their maximum)."""
    padding: Padding = "replicate"
    """What the convolutions see beyond the border of the picture."""
    precision: PrecisionChoice = "float32"
    """Precision of the convolutions. bfloat16 speeds up some networks on processors that have it
    (AVX-512 BF16, AMX); others compute in float32. auto: float32 on processors, float16 on graphics
    cards. `LOCPIPE_PRECISION=float32` in the environment overrides it."""

    engine: EngineChoice = "auto"
    """What runs the convolutions: torch; onnxruntime, which is faster but computes in float32 only;
    or openvino (pip install 'locpipe[openvino]'). auto: onnxruntime if it can, torch for bfloat16.
    Boxes are the same."""

    device: DeviceChoice = "auto"
    """What computes: cpu, or cuda (a graphics card that PyTorch sees; it computes in float16 if
    `precision` is auto or bfloat16). auto: cuda if there is a card and `engine` is auto or torch."""

    @property
    def polarities(self) -> tuple[Polarity, ...]:
        """The polarities that the picture is shown in."""
        return ("normal", "inverted") if self.polarity == "both" else (self.polarity,)


class HeatmapSettings(Section):
    """How the maps of the last convolution are weighed and summed."""

    weights: Weights = "class"
    """Which table of AdGAP weights of the model (docs/methods.md); classifier: no table, but the
    answer of the whole classifier in every window of the picture."""
    labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Classes or groups of classes of the model, one map each; top1, top5, …: the classes most
    probable in the picture; empty: what the model proposes."""
    groups: dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]] = {}
    """Groups of classes besides those of the model: a name, and its classes."""
    min_probability: Fraction = 0.0
    """The map of a label is dark if its classes in the whole picture are less probable than this."""
    group: Group = "max"
    """How the maps of the classes of a group become one."""
    normalize: Normalize = "calibrated"
    """calibrated: the fixed calibration of the model; minmax: the picture's own minimum and
    maximum, as in the paper (a picture with nothing on it lights up too)."""
    merge: Merge = "max"
    """How the maps of several scales become one."""

    @model_validator(mode="after")
    def _weights_to_add(self) -> Self:
        if self.weights == "classifier" and self.group == "sum":
            msg = "group: sum adds weights, and classifier has none; use group: max"
            raise ValueError(msg)
        return self


class ThresholdSettings(Section):
    """Which cells of the heatmap are foreground."""

    method: ThresholdMethod = "fixed"
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


class RefineSettings(Section):
    """Whether masks, and thus boxes, are refined pixel by pixel."""

    method: Literal["none", Refinement] = "none"
    """none: masks consist of cells of the map; bilinear: of pixels, with heat interpolated between
    the cells; grabcut, crf: the same, corrected by the colours of the picture (docs/methods.md; crf
    needs pip install 'locpipe[crf]')."""
    background: Fraction = 0.1
    """grabcut never takes colder pixels for the object."""
    long_side: Annotated[int, Field(ge=16)] | None = 400
    """For speed, compare colours on the picture shrunk to this many pixels, and scale the mask up;
    null: on the whole picture."""


class KeepSettings(Section):
    """Which boxes are kept. `filtered` in the result counts the others by key."""

    min_height: Positive | None = None
    """Least length of the shorter side, in pixels."""
    max_height: Positive | None = None
    """Largest length of the shorter side, in pixels."""
    min_area: Positive | None = None
    """Least area, in square pixels."""
    max_area: Positive | None = None
    """Largest area, in square pixels."""
    min_aspect: Positive | None = None
    """Least ratio of the longer to the shorter side."""
    max_aspect: Positive | None = None
    """Largest ratio of the longer to the shorter side."""
    min_score: Fraction | None = None
    """Least mean heat inside."""
    min_contrast: Annotated[float, Field(gt=0, le=100)] | None = None
    """Least difference between ink and ground in lightness L* (CIE 1976), 0..100. Otsu's threshold
    parts the pixels of a box; the means of both parts are compared."""
    inside: Annotated[tuple[float, float, float, float], Field(strict=False)] | None = None
    """Left, top, right, bottom in pixels of the upright picture; the middle of a box must lie in it."""

    @model_validator(mode="after")
    def _ranges_are_not_empty(self) -> Self:
        for name in ("height", "area", "aspect"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None and high is not None and low > high:
                msg = f"min_{name} ({low}) must not be above max_{name} ({high})"
                raise ValueError(msg)
        if self.inside and (self.inside[0] >= self.inside[2] or self.inside[1] >= self.inside[3]):
            msg = f"inside {list(self.inside)} is empty; give left, top, right, bottom"
            raise ValueError(msg)
        return self


KEEP_ALL: Final = KeepSettings()


class BoxesSettings(Section):
    """How foreground cells become boxes."""

    connectivity: Connectivity = 8
    """Neighbours of a cell: 8 joins diagonally, 4 does not."""
    min_area: Annotated[float, Field(ge=0)] = 0.0
    """Smaller components are dropped; square pixels of the picture."""
    min_side: Annotated[float, Field(ge=0)] = 0.0
    """Boxes with a shorter side are dropped; pixels of the picture."""
    split: Fraction = 0.0
    """Components are cut where they are thinner than this share of their height; 0: never."""
    merge: Annotated[float, Field(ge=0)] = 0.0
    """Neighbours on a line become one box if they are nearer than this, in heights of the higher
    one; 10 gives whole lines; 0: never."""
    shape: Shape = "upright"
    """upright: rectangles along the sides of the picture; rotated: rectangles of least area at any
    angle; polygon: the same, but a ribbon of 14 corners around each bent word."""
    padding: Annotated[float, Field(ge=0)] = 0.0
    """Added on every side, in heights of the box."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """Also added on every side, in pixels of the picture."""
    keep: KeepSettings = KEEP_ALL
    """Which boxes are kept; the result counts the others."""
    direction: Direction = "auto"
    """Direction of text, for lines and reading order: ltr rightwards, rtl leftwards, ttb in columns
    from right to left; auto: ttb if boxes stand in columns, else ltr (`locpipe read` finds rtl by
    the letters)."""
    fill: bool = False
    """Masks show the insides of the boxes, not the components that the boxes were made from."""
    max: Annotated[int, Field(ge=1)] = 100_000
    """Largest number of boxes per picture; the best scores are kept. If any box is cut, a warning
    in the result, the last line of the run, run.json and exit code 3 say so."""
    classify: bool = False
    """Give each box the class and probability that the classifier of the model finds for it."""

    def options(self) -> dict[str, Any]:
        """Return the arguments of `find_boxes`."""
        options = self.model_dump(exclude={"classify", "fill", "keep", "max"})
        return {**options, "keep": self.keep, "maximum": self.max}


class StageSettings(Protocol):
    """The settings of all stages. A `Config` fulfils this protocol."""

    @property
    def infer(self) -> InferSettings:
        """How the network sees the picture."""

    @property
    def heatmap(self) -> HeatmapSettings:
        """How the maps are weighed and summed."""

    @property
    def threshold(self) -> ThresholdSettings:
        """Which cells are foreground."""

    @property
    def refine(self) -> RefineSettings:
        """Whether masks are refined pixel by pixel."""

    @property
    def boxes(self) -> BoxesSettings:
        """How foreground becomes boxes."""
