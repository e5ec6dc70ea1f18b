"""Paths as users write them."""

import os
from pathlib import Path

__all__ = ["expanded"]


def expanded(path: str | Path) -> Path:
    """Return a path with the home for its ~; where ~x is no user it is a name, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where ~x is no user
