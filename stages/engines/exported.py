"""The archive of an exported network, and what its engines have in common."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ..parts import Parts, room
from ..strides import Geometry

NOTES_FILE: Final = "notes.json"
"""Name of the file of notes in the archive."""
NOTES: Final = TypeAdapter(tuple[Geometry, Parts, bool])
"""Content of the notes: the geometry of the maps, the parts, and `any_size`; see `InferEngine`."""

RunnerT = TypeVar("RunnerT")


def name_of(number: int) -> str:
    """Return the name of a part in the archive."""
    return f"{number}.onnx"


class Exported(Generic[RunnerT]):
    """A network that `export` wrote, ready to be run.

    Args:
        file: the archive of the network.
        opened: turns the ONNX file of a part into an object that runs it.

    Attributes:
        runners: one object per part, which runs it.

    Raises:
        ValueError: the file is damaged, or not from `export`.
    """

    device: Final = "cpu"
    channels_last: Final = False

    def __init__(self, file: Path, opened: Callable[[bytes], RunnerT]) -> None:
        try:
            with zipfile.ZipFile(file) as archive:
                notes = NOTES.validate_json(archive.read(NOTES_FILE))
                self.geometry, self.parts, self.any_size = notes
                self.runners = [
                    opened(archive.read(name_of(number))) for number in range(len(self.parts.parts))
                ]
        except Exception as error:  # each library has many exception classes of its own
            msg = f"{file} is no exported network: {error}"
            raise ValueError(msg) from error

    def room_for(
        self, number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        """Return arrays that take the outputs of a part with windows: copying costs a tenth."""
        part, values = self.parts.parts[number], self.parts.values
        stride = values[part.inputs[0]].stride
        rows, columns = (stride * side for side in inputs[0].shape[2:])
        given = {}
        for name in part.outputs:
            value = values[name]
            shape = 1, value.channels, rows // value.stride, columns // value.stride
            given[name] = room(shape)
        return given
