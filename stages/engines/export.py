"""Networks as ONNX files, with what must be known to run them."""

import dataclasses
import json
import os
import tempfile
import warnings
from pathlib import Path

import onnx
import torch

from ..nets import Network
from ..settings import Resolution
from .onnx_runtime import NOTES
from .pytorch import PyTorch


def export(network: Network, resolution: Resolution, file: Path) -> None:
    """Write the features of a network at a resolution as an ONNX file that `OnnxRuntime` runs.

    The file appears whole or not at all, so several processes may write it at once.

    Raises:
        ModelError: the network has no such maps.
        OSError: the file cannot be written.
        RuntimeError: the network has an operation that ONNX does not have.
    """
    engine = PyTorch(network, resolution, windows=False, bfloat16=False)
    side = 4 * engine.geometry.multiple
    shown = torch.zeros(1, network.channels_in(), side, side)
    notes = {
        "geometry": dataclasses.asdict(engine.geometry),
        "peak": engine.peak,
        "any_size": engine.any_size,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        written = Path(folder) / file.name
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # the exporter that replaces this one needs more packages
            torch.onnx.export(
                engine.features,
                (shown,),
                written,
                dynamo=False,
                opset_version=17,
                input_names=["picture"],
                output_names=["maps"],
                dynamic_axes={
                    name: {2: f"{name} h", 3: f"{name} w"} for name in ("picture", "maps")
                },
            )
        model = onnx.load(written)
        onnx.helper.set_model_props(model, {NOTES: json.dumps(notes)})
        onnx.save(model, written)
        with written.open("rb") as stream:
            os.fsync(stream.fileno())
        written.replace(file)
