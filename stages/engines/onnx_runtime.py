"""ONNX Runtime: faster than PyTorch in float32, and imported in a fraction of the time."""

import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..onnx import onnxruntime
from ..strides import Geometry

NOTES = "locpipe"
"""Key of what an exported network says about itself: JSON in the metadata of the ONNX file."""

_MORE_MEMORY = 1.25
"""Times the memory of PyTorch, measured with the text model."""


class OnnxRuntime:
    """Fulfils `InferEngine` with a network that `export` wrote.

    Args:
        file: of the network.
        threads: to compute with.

    Raises:
        ValueError: the file is damaged, or not from `export`.
    """

    name: Final = "onnxruntime"

    def __init__(self, file: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Every picture has another size: memory kept for the last one would be of no use.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=providers)
            notes = json.loads(self._session.get_modelmeta().custom_metadata_map[NOTES])
        except Exception as error:  # it has a class of its own for each thing that may be wrong
            msg = f"{file} is no exported network: {error}"
            raise ValueError(msg) from error
        self.geometry = Geometry(**notes["geometry"])
        self.peak, self.any_size = _MORE_MEMORY * notes["peak"], notes["any_size"]

    def maps(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maps of a picture; see `InferEngine`."""
        (found,) = self._session.run(None, {"picture": np.ascontiguousarray(pictures)})
        return np.asarray(found, np.float32)
