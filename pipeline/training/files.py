"""Files that are the old one or the whole new one, whenever the power goes."""

import os
from pathlib import Path

from ...stages.errors import OutputError

__all__ = ["write_whole"]


def write_whole(file: Path, data: bytes) -> None:
    """Write or replace a file in one step, making the folders above it.

    Raises:
        OutputError: it cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        msg = (
            f"{file} cannot be written ({error.strerror}); "
            "free space, change its permissions, or choose another folder"
        )
        raise OutputError(msg) from error
