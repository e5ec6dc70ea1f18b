"""Files: paths as users write them, the hash of a file, and where the data that ships lies."""

import hashlib
import os
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).resolve().parents[1] / "data"
"""The folder of the models and samples that ship with locpipe."""


def expanded(path: str | Path) -> Path:
    """Return a path with the home for its ~; where ~x is no user it is a name, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where ~x is no user


def sha256_of(file: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
