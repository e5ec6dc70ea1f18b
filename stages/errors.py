"""The errors of locpipe, and the exit codes of its commands.

    LocpipeError          1   internal error
    ├── ConfigError       2   usage, configuration, or a source that does not exist
    ├── ImageError        3   one picture cannot be read or processed
    ├── ModelError        5   model missing, damaged, or without what is asked of it
    └── OutputError       6   output not writable, disk full

`pipeline.output.lock` adds `LockedError`, 75. Every message ends with what to do. All errors cross
process borders, so they pickle.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The exit codes of commands; part of the interface."""

    DONE = 0
    """All done, or nothing to do."""
    INTERNAL = 1
    """An error that locpipe did not foresee."""
    USAGE = 2
    """Wrong usage or config, or a source that does not exist."""
    INCOMPLETE = 3
    """Finished, but some pictures failed, or a limit left out text that was found."""
    NO_PICTURE = 4
    """There is no picture, and `--require-input` was given."""
    MODEL = 5
    """A model is missing, damaged, or lacks what is asked of it."""
    OUTPUT = 6
    """The output cannot be written."""
    LOCKED = 75
    """Another run is at work in the same output."""
    INTERRUPTED = 130
    """Stopped by SIGINT (Ctrl-C)."""
    TERMINATED = 143
    """Stopped by SIGTERM."""

    @classmethod
    def of_signal(cls, number: int) -> "ExitCode":
        """Return the code of a command that SIGINT or SIGTERM stopped."""
        return cls(128 + number)


class LocpipeError(Exception):
    """Base of every error that locpipe raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL


class ConfigError(LocpipeError):
    """A usage or configuration error: the message names file, line, key path, value and remedy."""

    exit_code = ExitCode.USAGE


class ImageError(LocpipeError):
    """One picture cannot be read or processed: the message names the file, reason and remedy.

    Attributes:
        needs: bytes of memory that would be enough; 0: the error has another reason.
    """

    exit_code = ExitCode.INCOMPLETE
    needs: int = 0


class ModelError(LocpipeError):
    """A model is missing, damaged, or lacks what is asked of it."""

    exit_code = ExitCode.MODEL


class OutputError(LocpipeError):
    """Results cannot be written."""

    exit_code = ExitCode.OUTPUT


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of a command that ends with this exception."""
    if isinstance(error, LocpipeError):
        return error.exit_code
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.INTERNAL
