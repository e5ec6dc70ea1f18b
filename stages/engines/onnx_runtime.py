"""ONNX Runtime: faster than PyTorch in float32, and imported in a fraction of the time."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ..onnx import onnxruntime
from ..parts import PICTURE, WHOLE, Parts
from ..strides import Geometry

NOTES_FILE: Final = "notes.json"
"""Name, in the archive, of what an exported network says about itself."""
NOTES: Final = TypeAdapter(tuple[Geometry, Parts, bool])
"""Its content: the geometry of the maps, the parts, and `any_size`; see `InferEngine`."""


def name_of(number: int) -> str:
    """Return the name of a part in the archive."""
    return f"{number}.onnx"


class OnnxRuntime:
    """Fulfils `InferEngine` with a network that `export` wrote.

    Args:
        file: of the network.
        threads: to compute with.

    Raises:
        ValueError: the file is damaged, or not from `export`.
    """

    name: Final = "onnxruntime"
    channels_last: Final = False

    def __init__(self, file: Path, threads: int) -> None:
        try:
            with zipfile.ZipFile(file) as archive:
                notes = NOTES.validate_json(archive.read(NOTES_FILE))
                self.geometry, self.parts, self.any_size = notes
                self._sessions = [
                    _session(archive.read(name_of(number)), threads)
                    for number in range(len(self.parts.parts))
                ]
        except (
            Exception
        ) as error:  # the library has a class of its own for each thing that may be wrong
            msg = f"{file} is no exported network: {error}"
            raise ValueError(msg) from error

    def compute(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """Run a part; see `InferEngine`."""
        session, part = self._sessions[number], self.parts.parts[number]
        if part.halo == WHOLE:  # the size of its maps is the library's to say
            found: Sequence[NDArray[np.float32]] = session.run(
                None, {PICTURE: np.ascontiguousarray(inputs[0])}
            )
            return found
        bound = session.io_binding()
        for name, values in zip(part.inputs, inputs, strict=True):
            bound.bind_cpu_input(name, np.ascontiguousarray(values))
        stride = self.parts.values[part.inputs[0]].stride
        rows, columns = (stride * side for side in inputs[0].shape[2:])
        given = []
        for name in part.outputs:
            value = self.parts.values[name]
            shape = 1, value.channels, rows // value.stride, columns // value.stride
            given.append(np.empty(shape, np.float32))  # written in place: a copy costs a tenth
            bound.bind_output(name, "cpu", 0, np.float32, shape, given[-1].ctypes.data)
        session.run_with_iobinding(bound)
        return given


def _session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Every picture has another size: memory kept for the last one would be of no use.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
