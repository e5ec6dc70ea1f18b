"""ONNX Runtime: faster than PyTorch in float32, and imported in a fraction of the time."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..onnx import onnxruntime
from ..parts import PICTURE, WHOLE
from .exported import Exported


class OnnxRuntime(Exported[onnxruntime.InferenceSession]):
    """Fulfils `InferEngine` with a network that `export` wrote.

    Args:
        file: the archive of the network.
        threads: how many threads compute.

    Raises:
        ValueError: the file is damaged, or not from `export`.
    """

    name: Final = "onnxruntime"

    def __init__(self, file: Path, threads: int) -> None:
        super().__init__(file, partial(_session, threads))

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Run a part; see `InferEngine`."""
        session, part = self.runners[number], self.parts.parts[number]
        if part.halo == WHOLE:  # only the library knows the size of the maps
            found: Sequence[NDArray[np.float32]] = session.run(
                None, {PICTURE: np.ascontiguousarray(inputs[0])}
            )
            return found
        bound = session.io_binding()
        for name, values in zip(part.inputs, inputs, strict=True):
            bound.bind_cpu_input(name, np.ascontiguousarray(values))
        given = self.room_for(number, inputs)
        for name, room in given.items():
            bound.bind_output(name, "cpu", 0, np.float32, room.shape, room.ctypes.data)
        session.run_with_iobinding(bound)
        return list(given.values())


def _session(threads: int, content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Every picture has another size, so memory kept from the last one would be useless.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
