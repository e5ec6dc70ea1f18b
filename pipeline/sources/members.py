"""Pictures in tars, as WebDataset and img2dataset write them, read without unpacking.

The path of a member is that of its tar, a slash, and its name: `/data/00000.tar/000000012.jpg`.
"""

import os
import sys
import tarfile
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from ...stages.errors import ImageError

_TAR: Final = ".tar"
_ON_LINUX: Final = "/proc/self/fd/"
_ELSEWHERE: Final = "locpipe-member-"
_MOST_INDEXES: Final = 4


@dataclass(frozen=True)
class Member:
    """A picture in a tar: its name and its position; or what is wrong with it."""

    name: str
    offset: int = 0
    size: int = 0
    size_and_time: tuple[int, int] = (0, 0)
    fault: str = ""


def is_tar(path: str) -> bool:
    """Say whether a path is that of a tar."""
    return path.lower().endswith(_TAR) and os.path.isfile(path)  # noqa: PTH113 - hot


def members_of(
    tar: str,
    is_wanted: Callable[[str], bool] = lambda _: True,
    pass_over: Callable[[str], object] = lambda _: None,
) -> Iterator[Member]:
    """Yield the pictures in a tar while its headers are read; a repeated name counts once.

    The size and time of a member are those of its tar.

    Args:
        tar: path of the file.
        is_wanted: asked of the name of each file, without its folders; which are pictures.
        pass_over: told `link` or `twice` of any other thing that may have been meant as a picture.
    """
    seen: set[str] = set()
    try:
        status = Path(tar).stat()
        with tarfile.open(tar, "r:") as file:
            while (found := file.next()) is not None:
                file.members = []  # type: ignore[attr-defined] # it would keep them all
                name = found.name.removeprefix("./")
                if found.islnk() or found.issym() or name in seen:
                    pass_over("twice" if name in seen else "link")
                    continue
                if not found.isreg() or not is_wanted(os.path.split(name)[1]):
                    continue
                seen.add(name)
                if _leads_out(name):
                    fault = f"{tar}: its member {name!r} leads out of it; pack it again under another name"
                    yield Member(f"member {len(seen)}", fault=fault)
                    continue
                times = (found.size, status.st_mtime_ns)
                yield Member(name, found.offset_data, found.size, times)
    except (OSError, tarfile.TarError) as error:
        fault = f"{tar}: cannot be read after {len(seen)} pictures ({error}); pack or copy it again"
        yield Member("rest", fault=fault)


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/"))


def tar_of(path: str) -> tuple[str, str] | None:
    """Return the tar that a path leads into, and the name of the member; None: it leads into none."""
    if f"{_TAR}/" not in path.lower():
        return None
    start = 0
    while (end := path.lower().find(f"{_TAR}/", start)) >= 0:
        end += len(_TAR)
        if is_tar(path[:end]):
            return path[:end], path[end + 1 :]
        start = end
    return None


def exists(path: Path) -> bool:
    """Say whether a picture exists, as a file or in a tar."""
    found = tar_of(str(path))
    if found is None:
        return path.exists()
    return found[1] in _index_of(found[0])


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """Yield the path of a file with the picture: its own file, or a copy of a member of a tar.

    Raises:
        ImageError: the member is missing or cut short. An error of the block about the copy names
            the member instead.
    """
    copy = copy_of(path)
    if copy is None:
        yield path
        return
    with copy:
        try:
            yield copy.path
        except ImageError as error:
            error.args = (called(str(error), copy.path, path),)
            raise


def called(message: str, copy: Path, path: Path) -> str:
    """Return a message about a copy with the name of the picture instead."""
    return message.replace(str(copy), str(path))


class MemberCopy:
    """A copy of a member of a tar as a file, in memory if the system can do that.

    Attributes:
        path: opens the copy in this process, until it is closed.
    """

    def __init__(self, data: bytes) -> None:
        if sys.platform == "linux":
            self._file = open(os.memfd_create("member"), "w+b")  # noqa: PTH123, SIM115 - of a number
            self.path = Path(f"{_ON_LINUX}{self._file.fileno()}")
        else:
            self._file = tempfile.NamedTemporaryFile(prefix=_ELSEWHERE)  # type: ignore[assignment]  # noqa: SIM115 - closed by close
            self.path = Path(self._file.name)
        # A thread may end before it asks for the next one.
        weakref.finalize(self, self._file.close)
        self._file.write(data)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the memory."""
        self._file.close()


def is_copy(path: Path) -> bool:
    """Whether a path is that of a `MemberCopy`, which no other program can open."""
    return str(path).startswith(_ON_LINUX) or path.name.startswith(_ELSEWHERE)


def copy_of(path: Path) -> MemberCopy | None:
    """Return a copy of a member of a tar; None: the path leads into none.

    Raises:
        ImageError: the member is not there, or cut short.
    """
    found = tar_of(str(path))
    if found is None:
        return None
    tar, name = found
    try:
        offset, size = _index_of(tar)[name]
        with open(tar, "rb") as file:  # noqa: PTH123 - a string
            file.seek(offset)
            data = file.read(size)
    except (OSError, KeyError) as error:
        msg = f"{str(path)!r}: cannot be read ({error}); check that it is in the tar"
        raise ImageError(msg) from error
    if len(data) < size:
        msg = f"{str(path)!r}: the tar ends before it does; copy or pack the tar again"
        raise ImageError(msg)
    return MemberCopy(data)


class _LastCopy(threading.local):
    path: Path | None = None
    copy: MemberCopy | None = None


_LAST: Final = _LastCopy()


def file_of(path: Path) -> Path:
    """Return a path to open; for a member of a tar, a copy until the next call in this thread.

    Raises:
        ImageError: the member is not there, or cut short.
    """
    if tar_of(str(path)) is None:
        return path
    if _LAST.copy is None or _LAST.path != path:
        if _LAST.copy is not None:
            _LAST.copy.close()
        _LAST.path, _LAST.copy = None, copy_of(path)
        _LAST.path = path
    assert _LAST.copy is not None
    return _LAST.copy.path


def _index_of(tar: str) -> dict[str, tuple[int, int]]:
    try:
        status = os.stat(tar)  # noqa: PTH116 - a string
    except OSError:
        return {}
    return _index(tar, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=_MOST_INDEXES)
def _index(tar: str, _size: int, _mtime_ns: int) -> dict[str, tuple[int, int]]:
    """Return position and length of each picture in a tar. The last tar is cached."""
    return {each.name: (each.offset, each.size) for each in members_of(tar) if not each.fault}
