"""The local folder of a run whose results lie in a bucket."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ..storage.urls import RemotePath


def workplace(output: Path) -> Path:
    """Return the folder where a run works: the output, or a folder of the cache for a bucket.

    The cache holds unfinished files, and the state of the last run from this machine. Removing it
    costs time, but loses nothing.
    """
    if not isinstance(output, RemotePath):
        return output
    if output.parts[0] == "memory:":
        return Path(_of_this_process().name, *output.parts[1:])
    name = hashlib.sha256(os.fsencode(str(output))).hexdigest()[:32]
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cached).absolute() / "locpipe" / "outputs" / name


@cache
def _of_this_process() -> TemporaryDirectory[str]:
    """Return a temporary folder for `memory://` outputs, which end with the process."""
    return TemporaryDirectory(prefix="locpipe-")
