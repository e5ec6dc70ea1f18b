"""OpenVINO, which also computes in bfloat16. Its reports to its makers are switched off."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..parts import WHOLE
from .exported import Exported

# OpenVINO reports each import if its package for reports is there. With None, Python does not find
# that package.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as documented

import openvino  # noqa: E402 - not before that
from openvino.frontend import FrontEndManager  # noqa: E402


class OpenVino(Exported[openvino.InferRequest]):
    """Fulfils `InferEngine` with a network that `export` wrote.

    Args:
        file: the archive of the network.
        threads: how many threads compute.
        bfloat16: whether convolutions are computed in bfloat16.

    Raises:
        ValueError: the file is damaged, or not from `export`.
    """

    name: Final = "openvino"

    def __init__(self, file: Path, threads: int, *, bfloat16: bool) -> None:
        hints = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "ENABLE_CPU_PINNING": False,  # all workers would compute on the same core
        }
        super().__init__(file, partial(_request, openvino.Core(), hints))

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Run a part; see `InferEngine`."""
        request, part = self.runners[number], self.parts.parts[number]
        shown = dict(zip(part.inputs, map(np.ascontiguousarray, inputs), strict=True))
        given = {} if part.halo == WHOLE else self.room_for(number, inputs)
        for name, values in {**shown, **given}.items():
            request.set_tensor(name, openvino.Tensor(values, shared_memory=True))
        request.infer()
        if part.halo == WHOLE:  # only the library knows the size of the maps
            return [np.array(request.get_tensor(name).data) for name in part.outputs]
        return list(given.values())


def _request(
    core: openvino.Core, hints: Mapping[str, object], content: bytes
) -> openvino.InferRequest:
    frontend = FrontEndManager().load_by_framework("onnx")
    # Given bytes, OpenVINO would read files below the current folder that they name. This folder is
    # empty.
    with TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")
        file.write_bytes(content)
        network = frontend.convert(frontend.load(str(file)))
    return core.compile_model(network, "CPU", dict(hints)).create_infer_request()
