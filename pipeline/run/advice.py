"""The measurements of `locpipe profile`, and advice that follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...stages.settings import InferSettings, Precision

_LEFT_OUT = {
    "masks": "output.masks=false",
    "overlays": "output.overlays=false",
    "heatmaps": "output.heatmaps=false",
    "refine": "refine.method=none",
    "classify": "boxes.classify=false",
}
"""Stages that a config can switch off."""
_NOTABLE = 10  # percent: smaller shares are not mentioned
_FASTER = 1.2  # times: smaller gains may be chance


@dataclass(frozen=True)
class Pixels:
    """Pixels of all pages together.

    Attributes:
        own: pixels of the pages.
        shown: pixels shown to the network, at all scales and polarities.
        padded: pixels that the network computes: those shown, with their padding.
        without: by setting, such as `infer.polarity=both`: pixels shown to the network without it.
    """

    own: int
    shown: int
    padded: int
    without: dict[str, int]


@dataclass(frozen=True)
class Circumstances:
    """The machine of the profile.

    Attributes:
        ceilings: FLOP per second of a matrix product, in each precision that the processor has.
        memory: available memory in bytes.
        workers: number of workers that a run starts.
        forced: whether `LOCPIPE_PRECISION` allows float32 only.
        onnxruntime: whether ONNX Runtime can run the network.
    """

    ceilings: dict[Precision, float]
    memory: int
    workers: int
    forced: bool
    onnxruntime: bool


@dataclass(frozen=True)
class Profile:
    """The time that some pages took, by stage.

    Attributes:
        pages: number of finished pages.
        seconds: wall time of each stage, all pages together.
        start_up: CPU seconds before the first picture.
        pixels: of the pages.
        macs: multiply-accumulates per pixel of the network.
        engine: the engine that ran the network, see `open_engine`.
        precision: the precision of the network.
        settings: the settings of the network.
        threads: number of threads of the network.
        peak: largest resident size of the process, in bytes.
        circumstances: the machine.
    """

    pages: int
    seconds: dict[str, float]
    start_up: float
    pixels: Pixels
    macs: float
    engine: str
    precision: Precision
    settings: InferSettings
    threads: int
    peak: int
    circumstances: Circumstances

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    @property
    def flops(self) -> float:
        """FLOP per second of the stage `infer`."""
        return 2 * self.macs * self.pixels.padded / self.seconds["infer"]

    @property
    def ceiling(self) -> float:
        """FLOP per second of a matrix product in the precision that was used."""
        return self.circumstances.ceilings[self.precision]

    def share(self, stage: str) -> float:
        """Percent of the time of all stages."""
        return 100 * self.seconds.get(stage, 0.0) / self.total


def advise(found: Profile) -> list[str]:
    """Return advice from the numbers of a profile, the most important first."""
    parts = _inference, _shown, _padding, _stages, _precision, _engine, _start, _memory
    return [line for part in parts for line in part(found)]


def _inference(found: Profile) -> Iterator[str]:
    share, reached = found.share("infer"), 100 * found.flops / found.ceiling
    whose = "this core's ceiling" if found.threads == 1 else f"the ceiling of {found.threads} cores"
    yield f"{share:.0f} % is inference, at {reached:.0f} % of {whose} ({found.precision})."
    others = {name: found.share(name) for name in found.seconds if name != "infer"}
    if share < 50 and others:
        most = max(others, key=others.__getitem__)
        yield f"Most of the time is outside of inference. The largest part is {most}, {others[most]:.0f} %."


def _shown(found: Profile) -> Iterator[str]:
    shown = found.pixels.shown
    for setting, pixels in found.pixels.without.items():
        if shown > _FASTER * pixels:
            saved = found.share("infer") * (1 - pixels / shown)
            yield (
                f"{setting} shows the network {shown / pixels:.1f} times the pixels. Without it a picture "
                f"takes about {saved:.0f} % less time, but small things may be missed."
            )


def _padding(found: Profile) -> Iterator[str]:
    times = found.pixels.padded / found.pixels.shown
    if times > _FASTER:
        remedy = "larger pictures have less of it"
        if found.settings.padding != "zeros":
            remedy = f"infer.padding={found.settings.padding} adds most of them, zeros fewer"
        yield f"With padding the network computes {times:.1f} times the pixels shown: {remedy}."


def _stages(found: Profile) -> Iterator[str]:
    for stage, setting in _LEFT_OUT.items():
        if found.share(stage) >= _NOTABLE:
            yield f"{found.share(stage):.0f} % is the stage {stage}. {setting} leaves it out."


def _precision(found: Profile) -> Iterator[str]:
    asked, ceilings = found.settings.precision, found.circumstances.ceilings
    if "bfloat16" not in ceilings:
        if asked == "bfloat16":
            yield "infer.precision=bfloat16 has no effect: this processor computes it as float32."
        return
    times = ceilings["bfloat16"] / ceilings["float32"]
    if found.precision == "float32" and times > _FASTER:
        remedies = {
            "set infer.precision=bfloat16": asked != "bfloat16",
            "set infer.engine=auto": found.settings.engine == "onnxruntime",
            "unset LOCPIPE_PRECISION": found.circumstances.forced,
        }
        remedy = " and ".join(text for text, applies in remedies.items() if applies)
        yield (
            "The network ran in float32. A matrix product in bfloat16 is "
            f"{times:.1f} times as fast here, so the network may be faster too: {remedy}, and measure again."
        )
    if found.precision == "bfloat16" and times < 1:
        yield (
            "The network ran in bfloat16. A matrix product in float32 is "
            f"{1 / times:.1f} times as fast here: set infer.precision=float32."
        )


def _engine(found: Profile) -> Iterator[str]:
    slower = {"torch": "PyTorch", "openvino": "OpenVINO"}.get(found.engine)
    if slower and found.precision == "float32" and found.circumstances.onnxruntime:
        yield f"{slower} ran the network in float32, and ONNX Runtime can: set infer.engine=auto."


def _start(found: Profile) -> Iterator[str]:
    if found.start_up > found.total:
        alike = found.start_up / found.total * found.pages
        yield (
            f"Start-up takes {found.start_up:.1f} CPU s, as much as {alike:.0f} such pages. It comes once "
            "per worker: give a run many pictures at once."
        )


def _memory(found: Profile) -> Iterator[str]:
    circumstances = found.circumstances
    if circumstances.workers * found.peak > circumstances.memory:
        fitting = max(1, circumstances.memory // found.peak)
        yield (
            f"{circumstances.workers} workers with a peak of {found.peak / 2**20:.0f} MiB each exceed the "
            f"{circumstances.memory / 2**20:.0f} MiB given to us: set run.workers={fitting}."
        )
