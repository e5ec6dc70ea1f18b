"""Networks as ONNX files, one per part, with notes on how to run them."""

import os
import tempfile
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from ..nets import Network
from ..parts import Part, Parts
from ..settings import Resolution
from .exported import NOTES, NOTES_FILE, name_of
from .pytorch import PyTorch

_WRITTEN = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same network gives the same bytes


def export(network: Network, resolution: Resolution, file: Path) -> None:
    """Write the features of a network at a resolution as a ZIP archive for `Exported`.

    The file appears whole or not at all, so several processes may write the same file at once.

    Raises:
        ModelError: the network has no such maps.
        OSError: the file cannot be written.
        RuntimeError: the network has an operation that ONNX does not have.
    """
    engine = PyTorch(network, resolution, windows=False, bfloat16=False)
    notes = NOTES.dump_json((engine.geometry, engine.parts, engine.any_size))
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        written = Path(folder) / file.name
        with written.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            _add(archive, NOTES_FILE, notes)
            for number, (module, part) in enumerate(
                zip(engine.modules, engine.parts.parts, strict=True)
            ):
                plain = Path(folder) / name_of(number)
                _export(module, part, engine.parts, plain)
                _add(archive, plain.name, plain.read_bytes())
            stream.flush()
            os.fsync(stream.fileno())
        written.replace(file)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _WRITTEN), content, zipfile.ZIP_DEFLATED)


def _export(module: nn.Module, part: Part, network: Parts, file: Path) -> None:
    inputs = [network.values[name] for name in part.inputs]
    side = 4 * part.stride
    shown = tuple(
        torch.zeros(1, value.channels, side // value.stride, side // value.stride)
        for value in inputs
    )
    names = *part.inputs, *part.outputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but the new exporter needs more packages
        torch.onnx.export(
            module,
            shown,
            file,
            dynamo=False,
            opset_version=17,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_axes={name: {2: f"{name} h", 3: f"{name} w"} for name in names},
        )
