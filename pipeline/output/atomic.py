"""Files that are written as a whole or not at all, and what makes them durable."""

import errno
import itertools
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from ...stages.errors import ImageError, OutputError
from ..sources.results import STATE_FOLDER

FULL: Final = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    # A disk that breaks, a mount that goes, a folder that somebody removes.
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOENT),
)
"""No picture is to blame for these, and none after it would fare better."""

UNSYNCED: Final = (errno.EINVAL, errno.ENOTSUP)
"""What file systems answer that do not sync folders, as some of networks."""

_count = itertools.count()
_PROCESS: Final = f"{os.getpid()}-{secrets.token_hex(4)}"
"""Processes of several machines may share an output."""


def temporary_folder(output: Path) -> Path:
    """Folder of files that are not finished; the holder of the lock may empty it."""
    return output / STATE_FOLDER / "tmp"


def write_atomically(output: Path, path: Path, data: bytes) -> None:
    """Write a file of an output in one step; raises what `replacing` does."""
    with replacing(output, path, synced=True) as temporary:
        _write_synced(temporary, data)


def write_lines(output: Path, path: Path, lines: Iterable[str]) -> None:
    """Write lines of ASCII in one step, however many there are; raises what `replacing` does."""
    with replacing(output, path) as temporary, temporary.open("w", encoding="ascii") as file:
        file.writelines(lines)


def write_json(output: Path, path: Path, document: object) -> None:
    """Write JSON that any program reads: ASCII, names that are not UTF-8 as surrogate escapes."""
    text = json.dumps(document, allow_nan=False)
    write_atomically(output, path, text.encode("ascii") + b"\n")


def write_whole(file: Path, data: bytes) -> None:
    """Write a file outside of any output in one step, and make the folders above it.

    Raises:
        OutputError: it cannot be written.
    """
    with _write_errors(str(file)):
        temporary = file.with_name(f".{file.name}.{_unique()}")
        with _taking_place(file, temporary, synced=True):
            _write_synced(temporary, data)
        _sync_folder(file.parent)


def write_named(file: Path, data: bytes) -> None:
    """Write a file that somebody named: in one step, also behind a link; a pipe or device as it is.

    Raises:
        OutputError: it cannot be written.
    """
    if file.exists() and not file.is_file():
        with _write_errors(str(file)):
            file.write_bytes(data)
    else:
        write_whole(file.resolve(), data)


@contextmanager
def replacing(output: Path, path: Path, *, synced: bool = False) -> Iterator[Path]:
    """Yield a path to write a file of `output` to; after the block it takes its place at once.

    `synced`: the block flushes the file to the disk. Opening it again for that takes as long as
    the flushing does.

    Raises:
        OutputError: the disk is full or read-only, or the file would lie outside of the output.
        ImageError: the name of this one file is too long.
    """
    check_inside(output, path.parent)
    temporary = temporary_folder(output) / _unique()
    whole = _taking_place(path, temporary, synced=synced)
    with output_errors(output, FULL), too_long_names(path), whole:
        yield temporary


def check_inside(output: Path, folder: Path) -> None:
    """See that a folder lies in an output, and that no link on the way leads out of it.

    The output itself may be a link.

    Raises:
        OutputError: it does not, or one may.
    """
    top, whole = output.absolute(), folder.absolute()
    inner = whole.parts[len(top.parts) :]
    if whole.parts[: len(top.parts)] != top.parts or ".." in inner:
        msg = f"output.path: {whole} lies outside of {output}, so nothing is written there; choose another output.path"
        raise OutputError(msg)
    # Names are joined as text: this is asked for every file, and a path costs more than the question.
    for step in itertools.accumulate((str(top), *inner), os.path.join):
        if step != str(top) and os.path.islink(step):  # noqa: PTH114 - says no where a name is too long
            msg = (
                f"output.path: {step} is a symbolic link, through which nothing is written; "
                "put a folder in its place, or choose another output.path"
            )
            raise OutputError(msg)


def _write_synced(file: Path, data: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def _taking_place(path: Path, temporary: Path, *, synced: bool) -> Iterator[None]:
    """Let a temporary file be written; it is flushed to disk before it takes its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
        if not synced and not temporary.is_symlink():
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class Unsettled:
    """Files of an output whose names may not survive a loss of power yet.

    The bytes of a file are on the disk before it takes its place. Its name, or that it is gone, is
    when its folder is. Many files share a folder, so they become durable together.

    Args:
        output: folder of all the files.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._folders: set[Path] = set()

    def add(self, files: Iterable[Path]) -> None:
        """Note files that were written or removed."""
        for file in files:
            for folder in file.parents:  # those above too, for they may be new
                if folder in self._folders:
                    break
                self._folders.add(folder)
                if folder == self._output:
                    break

    def settle(self) -> None:
        """Make all that was noted durable.

        Raises:
            OutputError: the disk does not take it.
        """
        with output_errors(self._output):
            for folder in self._folders:
                _sync_folder(folder)
        self._folders.clear()


def settle(output: Path, files: Iterable[Path]) -> None:
    """Make names of files durable at once; raises what `Unsettled.settle` does."""
    unsettled = Unsettled(output)
    unsettled.add(files)
    unsettled.settle()


def _sync_folder(folder: Path) -> None:
    try:
        number = os.open(folder, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return  # removed by somebody; or it may be entered and not be read, as any on Windows
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise
    finally:
        os.close(number)


def _unique() -> str:
    return f"{_PROCESS}-{threading.get_ident()}-{next(_count)}"


@contextmanager
def too_long_names(path: Path) -> Iterator[None]:
    """Turn the system's error about a name into ours.

    Raises:
        ImageError: the name of this file is too long, or its name with that of all its folders.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name, whole = (len(os.fsencode(part)) for part in (path.name, path))
        msg = (
            f"{path.name!r} would be {name} bytes long, {whole} with its folders, more than this "
            "disk allows; rename the picture, or choose a shorter output.path"
        )
        raise ImageError(msg) from error


def output_errors(
    output: Path, only: tuple[int, ...] | None = None
) -> AbstractContextManager[None]:
    """Turn the errors of the system, or only those with these numbers, into ours.

    Raises:
        OutputError: the folder cannot be written.
    """
    return _write_errors(f"output.path: {output}", only)


@contextmanager
def _write_errors(what: str, only: tuple[int, ...] | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        msg = (
            f"{what} cannot be written ({error.strerror}); "
            "free space, change its permissions, or choose another folder"
        )
        raise OutputError(msg) from error
