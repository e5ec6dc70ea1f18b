"""The sections of a config: one frozen model per section, and the meaning of every key.

`config.file` reads YAML into these models; `locpipe config schema` prints them as JSON Schema. The
settings of the stages are in `stages/settings.py`.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ByteSize, Discriminator, Field, PlainSerializer, Tag

from ...stages.models.card import Backbone
from ...stages.parts import MEMORY
from ...stages.paths import expanded
from ...stages.settings import (
    RESULT_VERSION,
    BoxesSettings,
    DecodingSettings,
    HeatmapSettings,
    InferSettings,
    Positive,
    RefineSettings,
    Section,
    ThresholdSettings,
)
from ..storage.urls import WRITABLE, RemotePath, is_url, located, problem_with
from .exports import ExportFormat


def _expand(value: object) -> object:
    if not isinstance(value, str | Path):
        msg = "should be a path; put it in quotes"  # YAML reads 2024 as a number
        raise ValueError(msg)  # noqa: TRY004 - pydantic wants it
    path = os.path.expandvars(value)
    if not path:  # for example, a script forgot to set a variable
        msg = "should not be empty; . is the current directory"
        raise ValueError(msg)
    if is_url(path):
        msg = "should lie on a disk; only input.path, input.root and output.path may be URLs"
        raise ValueError(msg)
    return expanded(path)


def _expand_input(value: object) -> object:
    url = os.path.expandvars(value) if isinstance(value, str | RemotePath) else ""
    if not is_url(url):
        return _expand(value)
    if problem := problem_with(url):
        raise ValueError(problem)
    return located(url)


def _expand_output(value: object) -> object:
    place = _expand_input(value)
    if isinstance(place, RemotePath) and place.parts[0].rstrip(":") not in WRITABLE:
        msg = (
            f"should lie on a disk or in a bucket ({', '.join(f'{each}://' for each in WRITABLE)})"
        )
        raise ValueError(msg)
    if isinstance(place, RemotePath) and len(place.parts) < 2:
        msg = f"should name a bucket, as {place}BUCKET/FOLDER"
        raise ValueError(msg)
    return place


UserPath = Annotated[Path, BeforeValidator(_expand), PlainSerializer(str)]
"""A path as users write it: `~` and `$VAR` expand; relative means the current directory."""

InputPath = Annotated[Path, BeforeValidator(_expand_input), PlainSerializer(str)]
"""The same, or the URL of a place with pictures."""


OutputPath = Annotated[Path, BeforeValidator(_expand_output), PlainSerializer(str)]
"""The same, or the URL of a place in a bucket for results."""


def _kind_of_model(value: object) -> str:
    return "<backbone>" if isinstance(value, dict | Section) else "<name>"


class ModelConfig(Section):
    """A classifier that others trained, instead of a model folder."""

    backbone: str = Field(min_length=1)
    """Name of a classifier of torchvision, or efficientnet_lite0 (`locpipe models backbones`)."""
    weights: str = Field(default="DEFAULT", min_length=1)
    """DEFAULT, another name of torchvision, or a local file (.safetensors or .pth)."""
    layer: str | None = None
    """Layer whose responses are weighed; null: the last convolutional stage."""
    classes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Names of the classes, in the order of the last layer; empty: ImageNet's, or class 0, class 1, …."""

    def source(self) -> Backbone:
        """Return the backbone for the stages; a local file has its absolute path."""
        path = expanded(os.path.expandvars(self.weights))
        weights = str(path.absolute()) if path.is_file() else self.weights
        return Backbone(
            backbone=self.backbone, weights=weights, layer=self.layer, classes=self.classes
        )


class InputConfig(DecodingSettings):
    """Which pictures are processed, and how they are decoded."""

    path: InputPath = Path("data/samples")
    """A folder (scanned recursively), a glob, one picture or tar, or a manifest (.txt, .jsonl, .parquet);
    a folder or picture may be a URL (docs/buckets.md)."""
    root: InputPath | None = None
    """Folder that names of results are relative to; null: the folder in `path`, the fixed part of a
    glob, the folder of the picture, or the current directory for a manifest."""


class OutputConfig(Section):
    """Which results are written, and where."""

    path: OutputPath = Path("output")
    """Folder of the results; it is created if it is missing. It may be a URL (docs/buckets.md)."""
    layout: Literal["files", "shards"] = "files"
    """files: a JSON and a mask per page; shards: Parquet files with a row per page, for millions of
    pictures (docs/results.md)."""
    masks: bool = True
    """Write masks/<picture>.png, 8 bit, as large as the picture."""
    overlays: bool = False
    """Write overlays/<picture>.jpg: the picture with its heatmap and boxes, to look at."""
    heatmaps: bool = False
    """Write heatmaps/<picture>.png, 8 bit, as large as the picture."""
    exports: Annotated[tuple[ExportFormat, ...], Field(strict=False)] = ()
    """Formats for other programs, written to exports/ as pictures finish (docs/ocr.md)."""


class RunConfig(Section):
    """How the work is distributed. This section changes no result."""

    workers: Annotated[int, Field(ge=0)] | None = None
    """Largest number of worker processes; 0: this process; null: available cores / threads, limited
    by memory. A picture that needs more memory than one worker has is done at the end, with fewer
    workers."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Threads per worker for the network. Results are byte-identical only between equal numbers."""
    scheduler: str | None = None
    """Address of a running Dask scheduler (tcp://host:8786) to use instead of own workers."""
    timeout: Positive = 600.0
    """Seconds that a page may take before its worker is ended; not with workers: 0. For a page of
    more than 100 megapixels, it is seconds per 100 megapixels."""
    task_seconds: Positive | None = None
    """Workers get pictures in groups that take about this long; null: 0.3 s, or 10 s with
    `scheduler`."""
    memory: ByteSize = ByteSize(MEMORY)
    """Memory of inference in each worker beside the picture, as bytes or "256MiB". A larger picture
    goes through the network in parts, with the same boxes."""
    memory_limit: ByteSize | None = None
    """Memory per worker, as bytes or "4GiB"; null: the workers share the available memory."""
    max_attempts: Annotated[int, Field(ge=1)] = 3
    """Number of runs that try a failing, unchanged picture; later runs skip it."""


class Config(Section):
    """The config of `locpipe run`."""

    model: Annotated[
        Annotated[str, Field(min_length=1), Tag("<name>")]
        | Annotated[ModelConfig, Tag("<backbone>")],
        Discriminator(_kind_of_model),
    ]
    """Name of a shipped model (`locpipe models list`), path of a model folder, or a section that
    names a backbone and its weights."""
    input: InputConfig = InputConfig()
    output: OutputConfig = OutputConfig()
    infer: InferSettings = InferSettings()
    heatmap: HeatmapSettings = HeatmapSettings()
    threshold: ThresholdSettings = ThresholdSettings()
    refine: RefineSettings = RefineSettings()
    boxes: BoxesSettings = BoxesSettings()
    run: RunConfig = RunConfig()

    @property
    def source(self) -> str | Backbone:
        """The model, in the form that the stages take."""
        return self.model if isinstance(self.model, str) else self.model.source()

    def sha256(self) -> str:
        """Hash of all settings that decide the result: no paths, no workers, no engine, no device.

        `RESULT_VERSION` is part of it, so an upgrade that changes boxes recomputes them.
        """
        decisive = self.model_dump(
            include={"model", "infer", "heatmap", "threshold", "refine", "boxes"},
            exclude={"infer": {"engine", "device"}},
        )
        decoding = self.input.model_dump(include=set(DecodingSettings.model_fields))
        if isinstance(self.model, ModelConfig) and not self.model.classes:
            del decisive["model"]["classes"]  # hashes stay the same as before this key existed
        decisive |= {"input": decoding, "result_version": RESULT_VERSION}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
