"""Chooses the engine that runs a network, and opens it."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from ..caching import cached_while_alive
from ..errors import ConfigError, ModelError
from ..models.card import ModelCard
from ..models.folder import EXPORTED_FILE
from ..models.loading import Model
from ..precision import float32_only, precision_used
from ..settings import (
    Device,
    DeviceChoice,
    EngineChoice,
    InferEngineName,
    Precision,
    PrecisionChoice,
    Resolution,
    StageSettings,
)

if TYPE_CHECKING:  # it imports torch, which the parent process must not load
    from ..nets import Network
    from .engine import InferEngine

_Runner = Callable[..., "InferEngine"]

_log = logging.getLogger(__name__)
_INSTALLS: dict[InferEngineName, str] = {
    "onnxruntime": "onnxruntime",
    "openvino": "'locpipe[openvino]'",
}
_PACKAGES = "torch", "onnx"
"""Packages whose versions decide, besides locpipe and the network, how a network is exported."""


@dataclass(frozen=True)
class Way:
    """How a network is to be computed.

    Attributes:
        engine: what runs the network, see `engine_used`.
        precision: of the convolutions, see `precision_used`.
        resolution: `native`, `atrous` or `unpooled`.
        device: what computes, see `device_used`.
        windows: give the answers of the whole classifier in every window, instead of F.
    """

    engine: EngineChoice = "torch"
    precision: PrecisionChoice = "float32"
    resolution: Resolution = "native"
    device: DeviceChoice = "cpu"
    windows: bool = False


def way_of(settings: StageSettings) -> Way:
    """Return how the settings compute a network."""
    options, windows = settings.infer, settings.heatmap.weights == "classifier"
    return Way(options.engine, options.precision, options.resolution, options.device, windows)


def engine_used(card: ModelCard, way: Way) -> InferEngineName:
    """Return the name of the engine for a way to compute. The rule measures no time.

    `auto` is ONNX Runtime if it is installed, the precision is float32, and there is an exported
    copy of the network or the package onnx to make one. In all other cases, and for `cuda`, it is
    PyTorch.

    Raises:
        ConfigError: the engine is asked for by name, but cannot run this; the message says why.
    """
    asked = way.engine
    if way.device == "cuda" and asked not in ("auto", "torch"):
        msg = f"infer.device: cuda is for PyTorch, not for {asked}; set infer.engine=auto"
        raise ConfigError(msg)
    if asked == "torch" or way.device == "cuda":
        return "torch"
    named: InferEngineName = "onnxruntime" if asked == "auto" else asked
    shipped = EXPORTED_FILE in card.files and way.resolution == "native"
    reasons = {
        "it has no answers in windows; set heatmap.weights to another table": way.windows,
        f"it is not installed; pip install {_INSTALLS[named]}": find_spec(named) is None,
        "a module in memory is not exported": card.module is not None,
        "its model must be exported; pip install 'locpipe[onnx]'": not shipped
        and find_spec("onnx") is None,
    }
    why_not = next((reason for reason, applies in reasons.items() if applies), None)
    if why_not is None and (asked != "auto" or precision_used(way.precision) == "float32"):
        return named
    if asked != "auto":
        msg = f"infer.engine: {named} cannot run model {card.name}: {why_not}, or set infer.engine=auto"
        raise ConfigError(msg)
    return "torch"


def device_used(asked: DeviceChoice, engine: EngineChoice) -> Device:
    """Return the device that computes. Without a graphics driver, torch is not loaded.

    Raises:
        ConfigError: a graphics card is asked for by name, and torch sees none.
    """
    if asked == "cpu" or engine not in ("auto", "torch") or (asked == "auto" and not has_driver()):
        return "cpu"
    if _beside("pytorch").sees_cuda():
        return "cuda"
    if asked == "cuda":
        msg = "infer.device: PyTorch sees no graphics card; look at nvidia-smi, or set infer.device=cpu"
        raise ConfigError(msg)
    return "cpu"


def has_driver() -> bool:
    """Say whether this machine has the driver of a graphics card."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def opened(model: Model, way: Way, threads: int) -> InferEngine:
    """Return the engine that runs a model. The same arguments give the same object.

    Raises:
        ConfigError: as `engine_used` and `device_used`.
        ModelError: the network has no such maps, or the engine asked for by name cannot give them.
    """
    engines = _engines(model.get_network)
    key = way, precision_used(way.precision), threads
    if key not in engines:
        on_cuda = device_used(way.device, way.engine) == "cuda"
        found = _on_cuda(model, way) if on_cuda else None
        engines[key] = found or _on_cpu(model, way, threads)
    return engines[key]


def _on_cuda(model: Model, way: Way) -> InferEngine | None:
    engine_used(model.card, replace(way, device="cuda"))
    half = way.precision != "float32" and not float32_only()
    try:
        return _pytorch(model, way, bfloat16=half, device="cuda")
    except RuntimeError as error:
        what = f"the graphics card cannot run model {model.card.name} ({error})"
        if way.device == "auto":
            _log.warning("infer.device: %s; the processor runs it", what)
            return None
        msg = f"infer.device: {what}; set infer.device=cpu"
        raise ModelError(msg) from error


def _on_cpu(model: Model, way: Way, threads: int) -> InferEngine:
    used = engine_used(model.card, replace(way, device="cpu"))
    bfloat16 = precision_used(way.precision) == "bfloat16"
    try:
        made = _exported(used, model, way.resolution, bfloat16, threads)
    except ModelError as error:
        if way.engine != "auto":
            raise
        _log.warning("%s; PyTorch runs it", error)
        made = None
    return made or _pytorch(model, way, bfloat16=bfloat16, device="cpu")


def yardsticks(
    model: Model, resolution: Resolution, *, windows: bool, threads: int
) -> tuple[float, dict[Precision, float]]:
    """Return the cost of a network and the speed limit of this processor. It loads PyTorch.

    Returns:
        Multiply-accumulates per pixel that the network sees; and FLOP per second of a matrix
        product with so many threads, for each precision that the processor has.

    Raises:
        ModelError: the network has no such maps.
    """
    beside = _beside("yardstick")
    macs: float = beside.macs_of(model.network, resolution, windows=windows)
    ceilings: dict[Precision, float] = beside.ceilings(threads)
    return macs, ceilings


@cached_while_alive
def _engines(get_network: Callable[[], Network]) -> dict[tuple[Way, Precision, int], InferEngine]:  # noqa: ARG001 - only its life counts
    """Return where the engines of a network are kept for as long as it lives."""
    return {}


def _pytorch(model: Model, way: Way, *, bfloat16: bool, device: Device) -> InferEngine:
    engine: InferEngine = _beside("pytorch").PyTorch(
        model.network, way.resolution, windows=way.windows, bfloat16=bfloat16, device=device
    )
    return engine


def _exported(
    name: InferEngineName,
    model: Model,
    resolution: Resolution,
    bfloat16: bool,  # noqa: FBT001 - all are by position
    threads: int,
) -> InferEngine | None:
    """Return the engine that runs an exported copy, which is made if needed; None: use torch."""
    if name == "torch":
        return None
    try:
        if name == "openvino":
            runner: _Runner = _beside("open_vino").OpenVino
            return _on_a_copy(
                partial(runner, threads=threads, bfloat16=bfloat16), model, resolution
            )
        runner = _beside("onnx_runtime").OnnxRuntime
        return _on_a_copy(partial(runner, threads=threads), model, resolution)
    except (ValueError, RuntimeError, ImportError) as error:
        msg = f"model {model.card.name} cannot be run by {name} ({error}); set infer.engine=torch"
        raise ModelError(msg) from error


def _on_a_copy(runner: _Runner, model: Model, resolution: Resolution) -> InferEngine:
    if model.exported is not None and resolution == "native":
        return runner(model.exported)
    file = _kept(model, resolution)
    if file.is_file():
        with suppress(ValueError):  # a damaged copy is made again
            return runner(file)
    export = _beside("export").export
    try:
        export(model.network, resolution, file)
        return runner(file)
    except OSError as error:
        _log.info("%s cannot be written (%s): this process exports for itself", file, error)
    with TemporaryDirectory() as folder:
        export(model.network, resolution, Path(folder) / file.name)
        return runner(Path(folder) / file.name)


def _beside(name: str) -> ModuleType:
    """Import a module of this folder late: each loads a library of its own."""
    # Late: torch takes seconds to import, and a run needs only one engine.
    return import_module(f"{__package__}.{name}")


def _kept(model: Model, resolution: Resolution) -> Path:
    """Return the file of a network's exported copy, which all processes and runs share."""
    versions = [f"{name} {version(name)}" for name in ("locpipe", *_PACKAGES)]
    name = hashlib.sha256(repr((model.sha256, resolution, versions)).encode()).hexdigest()[:32]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "locpipe" / "exported" / f"{name}.onnx.zip"
