"""Where results lie and how they get there: whole or not at all."""

import errno
import itertools
import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ...stages.errors import ImageError, OutputError
from ..config.sections import OutputConfig
from ..export.formats import remove as remove_exports
from ..sources.pictures import STATE_FOLDER

__all__ = [
    "FULL",
    "KINDS",
    "all_there",
    "output_errors",
    "page_name",
    "prepare_folders",
    "prepare_output",
    "remove_results",
    "replacing",
    "result_path",
    "sweep",
    "wanted",
    "write_atomically",
    "write_json",
    "write_lines",
]

KINDS: Final = {"boxes": ".json", "masks": ".png", "overlays": ".jpg", "heatmaps": ".png"}
"""Folders of the results and what they add to the name of the picture."""

FULL: Final = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    # A disk that breaks, a mount that goes, a folder that somebody removes.
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOENT),
)
"""No picture is to blame for these, and none after it would fare better."""

_count = itertools.count()


def result_path(output: Path, kind: str, key: str, page: int) -> Path:
    """File of one result, `boxes/<key>.json` or from page 2 on `boxes/<key>.page-2.json`."""
    return output / kind / f"{page_name(key, page)}{KINDS[kind]}"


def page_name(key: str, page: int) -> str:
    """What the results of a page are called: the key, from page 2 on with the page."""
    return key if page == 1 else f"{key}.page-{page}"


def prepare_output(output: Path) -> None:
    """Make the folder and prove that it can be written to.

    Raises:
        OutputError: it cannot be written.
    """
    with output_errors(output):
        (output / STATE_FOLDER / "tmp").mkdir(parents=True, exist_ok=True)
        write_atomically(output, output / STATE_FOLDER / "writable", b"")
        (output / STATE_FOLDER / "writable").unlink()


def prepare_folders(output: OutputConfig) -> None:
    """Make the folders of all kinds of results that are wanted.

    Raises:
        OutputError: something that is no folder has such a name, or it cannot be made.
    """
    for kind in KINDS:
        if kind == "boxes" or getattr(output, kind):
            with output_errors(output.path / kind):
                (output.path / kind).mkdir(exist_ok=True)


def sweep(output: Path) -> None:
    """Drop what a killed run left unfinished; only for the holder of the lock."""
    for file in (output / STATE_FOLDER / "tmp").iterdir():
        file.unlink(missing_ok=True)


def write_atomically(output: Path, path: Path, data: bytes) -> None:
    """Write a file so that at no moment a part of it can be seen; raises what `replacing` does."""
    with replacing(output, path) as temporary:
        temporary.write_bytes(data)


def write_lines(output: Path, path: Path, lines: Iterable[str]) -> None:
    """Write lines of ASCII, as `write_atomically`, however many there are."""
    with replacing(output, path) as temporary, temporary.open("w", encoding="ascii") as file:
        file.writelines(lines)


@contextmanager
def replacing(output: Path, path: Path) -> Iterator[Path]:
    """Yield where to write a file below `output`, which then takes its place at once.

    Raises:
        OutputError: the disk is full or read-only.
        ImageError: the name of this one file is too long.
    """
    name = f"{os.getpid()}-{threading.get_ident()}-{next(_count)}"
    temporary = output / STATE_FOLDER / "tmp" / name
    with output_errors(output, FULL), _short_enough(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _short_enough(path: Path) -> Iterator[None]:
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


def write_json(output: Path, path: Path, document: object) -> None:
    """Write JSON that any program reads: ASCII, names that are not UTF-8 as surrogate escapes."""
    text = json.dumps(document, allow_nan=False)
    write_atomically(output, path, text.encode("ascii") + b"\n")


def wanted(output: OutputConfig, key: str, page: int) -> Iterator[Path]:
    """The files that belong to one page."""
    for kind in KINDS:
        if kind == "boxes" or getattr(output, kind):
            yield result_path(output.path, kind, key, page)


def all_there(output: OutputConfig, key: str, page: int) -> bool:
    """Whether every file that belongs to a page exists.

    Raises:
        ImageError: the name of a file that belongs to the page would be too long.
    """
    for path in wanted(output, key, page):
        with _short_enough(path):
            if not path.is_file():
                return False
    return True


def remove_results(output: Path, key: str) -> None:
    """Remove every result of a picture, the JSON first, for it vouches for the others."""
    for page in itertools.count(1):
        remove_exports(output, key, page_name(key, page))
        paths = [result_path(output, kind, key, page) for kind in KINDS]
        if not any(_removed(paths)):
            return


def _removed(paths: Iterable[Path]) -> list[bool]:
    found = []
    for path in paths:
        try:
            path.unlink()
            found.append(True)
        except OSError:  # not there, or a name that never could be
            found.append(False)
    return found


@contextmanager
def output_errors(output: Path, only: tuple[int, ...] | None = None) -> Iterator[None]:
    """Turn the errors of the system, or only those with these numbers, into ours.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        msg = (
            f"output.path: {output} cannot be written ({error.strerror}); "
            "free space, change its permissions, or choose another folder"
        )
        raise OutputError(msg) from error
