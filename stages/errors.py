"""The errors of locpipe, each with the exit code that the command line turns it into.

    LocpipeError          1   internal error
    ├── ConfigError       2   usage, configuration, or a source that does not exist
    ├── ImageError        3   one picture cannot be read or processed
    ├── ModelError        5   model missing, damaged, or without what is asked of it
    └── OutputError       6   output not writable, disk full

Every message ends with what to do. All of them cross process borders, so they pickle.
"""

from typing import ClassVar

__all__ = ["ConfigError", "ImageError", "LocpipeError", "ModelError", "OutputError"]


class LocpipeError(Exception):
    """Base of every error that locpipe raises on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigError(LocpipeError):
    """A usage or configuration error: the message names file, line, key path, value and remedy."""

    exit_code = 2


class ImageError(LocpipeError):
    """One picture cannot be read or processed: the message names the file, reason and remedy."""

    exit_code = 3


class ModelError(LocpipeError):
    """A model is missing, damaged, or lacks what is asked of it."""

    exit_code = 5


class OutputError(LocpipeError):
    """Results cannot be written."""

    exit_code = 6
