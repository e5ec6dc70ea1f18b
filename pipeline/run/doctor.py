"""The checks of `locpipe doctor`: the things that are most often wrong."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile

import torch

with suppress(RuntimeError, ImportError):  # the import fails if its operators do not fit torch
    import torchvision  # noqa: F401 - loads its operators

from ...stages.errors import ConfigError, LocpipeError
from ...stages.localize import open_engine
from ...stages.models.loading import find_model, list_models, load_model, verify_model
from ...stages.precision import PRECISION, float32_only, has_bfloat16
from ..config.sections import Config
from ..storage.objects import names_in
from ..storage.urls import RemotePath
from ..workers.cluster import share_of_memory, workers_of
from ..workers.machine import CORES, MEMORY, why_no_processes
from .summary import version_of, versions

ENVIRONMENT = ("PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")  # fmt: skip
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")  # fmt: skip
OPTIONAL = ("openvino",)
MEND = (
    "pip uninstall -y torch torchvision && pip install torch torchvision --index-url ADDRESS. "
    "PyTorch's page 'Get started' shows ADDRESS for CPU; without --index-url, pip takes the torch for CUDA"
)
OPERATORS = ("nms", "roi_align", "deform_conv2d")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        what: what was looked at.
        found: what was found, and how to mend it if it is wrong.
        ok: whether it is as it should be.
    """

    what: str
    found: str
    ok: bool = True


def examine(config: Config | None) -> list[Finding]:
    """Make all checks; with a config, also of its output and its workers."""
    return [
        *(
            Finding(name, found or "missing", ok=found is not None or name in OPTIONAL)
            for name, found in versions().items()
        ),
        Finding("cores given to us", str(CORES)),
        Finding("memory given to us", f"{MEMORY / 2**30:.1f} GiB"),
        _processes(),
        _bfloat16(),
        *_environment(),
        _command(),
        _opencv(),
        _operators(),
        *_models(),
        *(_of_config(config) if config else ()),
    ]


def _processes() -> Finding:
    reason = why_no_processes()
    return Finding("worker processes", reason or "can be started", ok=reason is None)


def _bfloat16() -> Finding:
    slower = "not of this processor: text takes nearly twice as long"
    found = "of this processor" if has_bfloat16() else slower
    try:
        unused = f"; not used, as ${PRECISION} is float32" if float32_only() else ""
    except ConfigError as error:
        return Finding("bfloat16", str(error), ok=False)
    return Finding("bfloat16", found + unused)


def _environment() -> Iterator[Finding]:
    for name in ENVIRONMENT:
        if name in os.environ:
            yield Finding(name, os.environ[name])


def _command() -> Finding:
    found = shutil.which("locpipe")
    missing = f"not on PATH; in cron write {sys.executable} -m locpipe, or the absolute path"
    return Finding("command locpipe", found or missing)


def _opencv() -> Finding:
    found = {name: version for name in OPENCV if (version := version_of(name))}
    names = sorted(found)
    if len(set(found.values())) <= 1:  # packages of one version have the same files
        return Finding("OpenCV distributions", ", ".join(names) or "none of pip's")
    advice = f"pip uninstall -y {' '.join(names)}, then install one of them again"
    told = ", ".join(f"{name} {found[name]}" for name in names)
    return Finding("OpenCV distributions", f"{told} overwrite each other: {advice}", ok=False)


def _operators() -> Finding:
    """Check the native operators of torchvision, which are missing if it does not fit torch."""
    missing = [name for name in OPERATORS if not hasattr(torch.ops.torchvision, name)]
    if not missing:
        return Finding("torchvision operators", "load")
    told = (
        f"{', '.join(missing)} are missing, for torchvision was not built for this torch. locpipe does "
        f"without, but `import torchvision` fails in other programs; to mend that: {MEND}"
    )
    return Finding("torchvision operators", told)


def _models() -> Iterator[Finding]:
    for folder in list_models():
        try:
            yield Finding(f"model {folder.name}", verify_model(folder))
        except LocpipeError as error:
            # An extra may be left out, a file of a model may not.
            left_out = isinstance(error.__cause__, ModuleNotFoundError)
            yield Finding(f"model {folder.name}", str(error), ok=left_out)


def _engine(config: Config) -> Finding:
    try:
        model = load_model(find_model(config.source))
        return Finding("infer.engine", open_engine(model, config, config.run.threads))
    except LocpipeError as error:
        return Finding("infer.engine", str(error), ok=False)


def _bucket(output: RemotePath) -> Finding:
    try:
        names_in(output)
        return Finding("output.path", f"{output} can be listed; a run shows if it can be written")
    except LocpipeError as error:
        return Finding("output.path", str(error), ok=False)


def _of_config(config: Config) -> Iterator[Finding]:
    yield _engine(config)
    workers = f"{workers_of(config.run)} x {config.run.threads} threads"
    yield Finding("workers", f"{workers}, {share_of_memory(config.run) / 2**30:.1f} GiB each")
    if isinstance(config.output.path, RemotePath):
        yield _bucket(config.output.path)
        return
    output = config.output.path.absolute()
    there = next(folder for folder in (output, *output.parents) if folder.is_dir())
    try:
        with TemporaryFile(dir=there):
            yield Finding("output.path", f"{output} can be written")
    except OSError as error:
        yield Finding("output.path", f"{there} cannot be written: {error.strerror}", ok=False)
