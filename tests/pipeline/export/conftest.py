"""Runs to export."""

from run_fixtures import (
    boxes,
    exported,
    exported_sign,
    finished,
    finished_once,
    make_run,
    official,
    sign,
    words,
)

__all__ = [
    "boxes",
    "exported",
    "exported_sign",
    "finished",
    "finished_once",
    "make_run",
    "official",
    "sign",
    "words",
]
