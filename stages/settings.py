"""What each stage can be told: frozen models with every default, and each choice once.

The sections of the config are these very models (`pipeline/config/sections.py`).
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
"""Environment variable: where it is set, no weights are downloaded."""

RESULT_VERSION: Final = 8
"""Raised whenever the same picture, model and config give other boxes or masks than before.

It is part of the hash of a config, so that an upgrade recomputes what it must and nothing else.
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
    """Larger pictures are refused before they are decoded. Those of more than 100 megapixels are decoded
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
    """auto: show the picture at a quarter of the size too, and at a sixteenth, as far as it can hold
    letters too large for the network there; only large ones are taken from these; none: do not."""
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
    """Of the convolutions; bfloat16: on processors that have it (AVX-512 BF16, AMX), which speeds up
    some networks; on others float32. auto: float32 on processors, float16 on graphics cards.
    `LOCPIPE_PRECISION=float32` in the environment overrides it."""

    engine: EngineChoice = "auto"
    """What runs the convolutions: torch, or onnxruntime, which is faster in float32 and computes in
    no other precision, or openvino (pip install 'locpipe[openvino]'); auto: onnxruntime where it can,
    torch for bfloat16. Boxes are the same."""

    device: DeviceChoice = "auto"
    """What computes: cpu, or cuda, a graphics card that PyTorch sees, in float16 where `precision` is
    auto or bfloat16; auto: cuda where there is one and `engine` is auto or torch."""

    @property
    def polarities(self) -> tuple[Polarity, ...]:
        """The polarities that the picture is shown in."""
        return ("normal", "inverted") if self.polarity == "both" else (self.polarity,)


class HeatmapSettings(Section):
    """How the maps of the last convolution are weighed and summed."""

    weights: Weights = "class"
    """Which table of AdGAP weights of the model (docs/methods.md); classifier: none, but the
    answer of the whole classifier in every window of the picture."""
    labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Classes or groups of classes of the model, one map each; top1, top5, …: the classes most
    probable in the picture; empty: what the model proposes."""
    groups: dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]] = {}
    """Groups of classes besides those of the model: a name, and its classes."""
    min_probability: Fraction = 0.0
    """The map of a label whose classes are together less probable in the whole picture is dark."""
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
    """Whether masks, and so boxes, are worked out pixel by pixel."""

    method: Literal["none", Refinement] = "none"
    """none: masks consist of cells of the map; bilinear: of pixels, heat interpolated between the
    cells; grabcut, crf: the same, then corrected by the colours of the picture (docs/methods.md;
    crf needs pip install 'locpipe[crf]')."""
    background: Fraction = 0.1
    """Heat below which grabcut never puts the object."""
    long_side: Annotated[int, Field(ge=16)] | None = 400
    """Compare colours on the picture shrunk to this many pixels, for speed, and scale the mask up;
    null: on the picture as it is."""


class KeepSettings(Section):
    """Which boxes are kept. `filtered` in the result counts those that are not, by key."""

    min_height: Positive | None = None
    """Of the shorter side, in pixels."""
    max_height: Positive | None = None
    """Of the shorter side, in pixels."""
    min_area: Positive | None = None
    """In square pixels."""
    max_area: Positive | None = None
    """In square pixels."""
    min_aspect: Positive | None = None
    """Longer side by shorter side."""
    max_aspect: Positive | None = None
    """Longer side by shorter side."""
    min_score: Fraction | None = None
    """Mean heat inside."""
    min_contrast: Annotated[float, Field(gt=0, le=100)] | None = None
    """Difference between ink and ground in lightness L* (CIE 1976), 0..100: between the means of the
    lighter and of the darker pixels in a box, parted by Otsu's threshold."""
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
    """Boxes of a line that stand nearer than this become one, in units of the height of the higher
    one, so that 10 gives whole lines; 0: never."""
    shape: Shape = "upright"
    """upright: rectangles along the sides of the picture; rotated: of least area at any angle;
    polygon: the same, and around bent words a ribbon of 14 corners that follows them."""
    padding: Annotated[float, Field(ge=0)] = 0.0
    """Added on every side; in units of the height of the box."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """Added on every side as well; pixels of the picture."""
    keep: KeepSettings = KEEP_ALL
    """Boxes that are kept; the others are counted in the result."""
    direction: Direction = "auto"
    """Of text, for lines and reading order: ltr rightwards, rtl leftwards, ttb in columns from right to
    left; auto: ttb where boxes stand in columns, else ltr (`locpipe read` sees rtl by the letters)."""
    fill: bool = False
    """Masks show the insides of the boxes, not the components that the boxes were made of."""
    max: Annotated[int, Field(ge=1)] = 100_000
    """At most so many boxes per picture, the best ones. Where it cuts any, a warning in the result, the
    last line of the run, run.json and exit code 3 say so."""
    classify: bool = False
    """Give each box the class and probability that the classifier of the model finds in it."""

    def options(self) -> dict[str, Any]:
        """Return what `find_boxes` is told."""
        options = self.model_dump(exclude={"classify", "fill", "keep", "max"})
        return {**options, "keep": self.keep, "maximum": self.max}


class StageSettings(Protocol):
    """What all stages of a picture are told. A `Config` fulfils it."""

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
        """Whether masks are worked out pixel by pixel."""

    @property
    def boxes(self) -> BoxesSettings:
        """How foreground becomes boxes."""
