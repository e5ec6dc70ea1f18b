"""Writes files as a whole or not at all, and makes them durable."""

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
    # A broken disk, a lost mount, or a removed folder.
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOENT),
)
"""These errors do not depend on the picture: all later pictures would fail too."""

UNSYNCED: Final = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot sync folders, such as some network file systems."""

_count = itertools.count()
_PROCESS: Final = f"{os.getpid()}-{secrets.token_hex(4)}"
"""Processes on several machines may share an output."""


def temporary_folder(output: Path) -> Path:
    """Return the folder of unfinished files; the holder of the lock may empty it."""
    return output / STATE_FOLDER / "tmp"


def write_atomically(output: Path, path: Path, data: bytes) -> None:
    """Write a file of an output in one step; errors are those of `replacing`."""
    with replacing(output, path, synced=True) as temporary:
        _write_synced(temporary, data)


def write_lines(output: Path, path: Path, lines: Iterable[str]) -> None:
    """Write any number of ASCII lines in one step; errors are those of `replacing`."""
    with replacing(output, path) as temporary, temporary.open("w", encoding="ascii") as file:
        file.writelines(lines)


def write_json(output: Path, path: Path, document: object) -> None:
    """Write JSON in ASCII; names that are not UTF-8 become surrogate escapes."""
    text = json.dumps(document, allow_nan=False)
    write_atomically(output, path, text.encode("ascii") + b"\n")


def write_whole(file: Path, data: bytes) -> None:
    """Write a file outside of outputs in one step, and make the folders above it.

    Raises:
        OutputError: the file cannot be written.
    """
    with _write_errors(str(file)):
        temporary = file.with_name(f".{file.name}.{_unique()}")
        with _taking_place(file, temporary, synced=True):
            _write_synced(temporary, data)
        _sync_folder(file.parent)


def write_named(file: Path, data: bytes) -> None:
    """Write a file that the user named: in one step, also behind a link, or into a pipe or device.

    Raises:
        OutputError: the file cannot be written.
    """
    if file.exists() and not file.is_file():
        with _write_errors(str(file)):
            file.write_bytes(data)
    else:
        write_whole(file.resolve(), data)


@contextmanager
def replacing(output: Path, path: Path, *, synced: bool = False) -> Iterator[Path]:
    """Yield a temporary path for a file of `output`; after the block, it replaces `path` at once.

    `synced`: the block flushes the file itself. Opening it again for that would take as long as the
    flush.

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
    """Check that a folder lies in an output, and that no link on the way leads out of it.

    The output itself may be a link.

    Raises:
        OutputError: the folder lies outside, or a link may lead out.
    """
    top, whole = output.absolute(), folder.absolute()
    inner = whole.parts[len(top.parts) :]
    if whole.parts[: len(top.parts)] != top.parts or ".." in inner:
        msg = f"output.path: {whole} lies outside of {output}, so nothing is written there; choose another output.path"
        raise OutputError(msg)
    # Names are joined as text: this runs for every file, and a `Path` costs more than the check.
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
    """Let the block write a temporary file, flush it to disk, then move it to its place."""
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
    """Files of an output whose names may still be lost if power fails.

    The bytes of a file are on the disk before it takes its place. Its name, or its removal, is on
    the disk once its folder is flushed. Many files share a folder, so they become durable together.

    Args:
        output: folder of all the files.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._folders: set[Path] = set()

    def add(self, files: Iterable[Path]) -> None:
        """Note files that were written or removed."""
        for file in files:
            for folder in file.parents:  # folders above may be new too
                if folder in self._folders:
                    break
                self._folders.add(folder)
                if folder == self._output:
                    break

    def settle(self) -> None:
        """Make all noted files durable.

        Raises:
            OutputError: the disk refuses.
        """
        with output_errors(self._output):
            for folder in self._folders:
                _sync_folder(folder)
        self._folders.clear()


def settle(output: Path, files: Iterable[Path]) -> None:
    """Make names of files durable at once; errors are those of `Unsettled.settle`."""
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
    """Turn the system's error about a long name into ours.

    Raises:
        ImageError: the name of the file, or its whole path, is too long.
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
    """Turn errors of the system into ours; with `only`, just these error numbers.

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
