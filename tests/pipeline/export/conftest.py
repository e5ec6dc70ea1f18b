"""Runs to export."""

from run_fixtures import (
    _finished,
    boxes,
    exported,
    exported_sign,
    finished,
    make_run,
    official,
    sign,
    words,
)

__all__ = [
    "_finished",
    "boxes",
    "exported",
    "exported_sign",
    "finished",
    "make_run",
    "official",
    "sign",
    "words",
]
