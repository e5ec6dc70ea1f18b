"""Directories of a TIFF file. They are found once, so that any page can be read directly."""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import BinaryIO

_NEW_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4  # TIFF 6.0, section 8
_SHORT = 3
_CLASSIC, _BIG = 42, 43
_MOST_ENTRIES = 1 << 12
_last: dict[tuple[int, ...], "Directories"] = {}


@dataclass(frozen=True)
class Directories:
    """Where the directories of a TIFF file lie.

    Attributes:
        count: of all directories, including those of reduced copies and masks.
        pages: number, from 0, and byte position of each directory that is a page, not a reduced
            copy or a mask. If a file has only copies and masks, all of them are pages.
        is_cut: whether the last directory is damaged, or lies beyond the end of the file. Then more
            may have followed.
    """

    count: int
    pages: tuple[tuple[int, int], ...]
    is_cut: bool


@dataclass(frozen=True)
class _Layout:
    """How the numbers of a file are written: classic TIFF, or BigTIFF."""

    order: str
    first: int
    offset: str
    entries: str
    entry_size: int

    def number(self, kind: str, data: bytes) -> int:
        size = struct.calcsize(self.order + kind)
        return int(struct.unpack(self.order + kind, data[:size].ljust(size, b"\0"))[0])


def is_tiff(head: bytes) -> bool:
    """Say whether these first bytes are those of a TIFF."""
    return _layout(head) is not None


def directories(file: BinaryIO) -> Directories:
    """Find the directories of an open TIFF file.

    The result for the last file is kept, as pages are read one after the other.
    """
    status = os.fstat(file.fileno())
    which = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if which not in _last:
        _last.clear()
        _last[which] = _found(file)
    return _last[which]


class AtDirectory(io.RawIOBase):
    """A TIFF file whose header names another directory as the first, read-only.

    Args:
        file: the whole file; it stays open when this is closed.
        place: byte position of the directory.
    """

    def __init__(self, file: BinaryIO, place: int) -> None:
        file.seek(0)
        head = file.read(16)
        layout = _layout(head)
        assert layout is not None
        self._file = file
        self._head = head[: layout.first] + struct.pack(layout.order + layout.offset, place)
        self.seek(0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the file."""
        return self._file.tell()

    def fileno(self) -> int:
        """Return the descriptor of the file: libtiff finds the directory by its position."""
        return self._file.fileno()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # any buffer, there
        """Read bytes of the file; those of its header are replaced."""
        start = self._file.tell()
        data = self._file.read(len(buffer))
        if start < len(self._head):
            data = (self._head[start:] + data[len(self._head) - start :])[: len(data)]
        buffer[: len(data)] = data
        return len(data)


def _found(file: BinaryIO) -> Directories:
    every = list(_walk(file))
    all_of_them = [(number, place) for number, (place, _) in enumerate(every)]
    is_page = [kind is None or not kind & (_REDUCED | _MASK) for _, kind in every]
    pages = tuple(compress(all_of_them, is_page)) or tuple(all_of_them)
    return Directories(len(every), pages, is_cut=every[-1][1] is None)


def _layout(head: bytes) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    kind = max(head[2:4], default=0) if 0 in head[2:4] else 0
    if order is None or kind not in (_CLASSIC, _BIG):
        return None
    return _Layout(order, 4, "L", "H", 12) if kind == _CLASSIC else _Layout(order, 8, "Q", "Q", 20)


def _walk(file: BinaryIO) -> Iterator[tuple[int, int | None]]:
    """Yield the position and the NewSubfileType of each directory, at least of the first.

    A damaged directory has the type None and is the last. A directory beyond the end of the file
    counts as a page: it was there before the file was cut.
    """
    file.seek(0)
    head = file.read(16)
    layout = _layout(head)
    assert layout is not None
    place = layout.number(layout.offset, head[layout.first :])
    seen: set[int] = set()
    while not seen or (place and place not in seen):
        seen.add(place)
        kind, following = _directory(file, place, layout)
        yield place, kind
        place = following


def _directory(file: BinaryIO, place: int, layout: _Layout) -> tuple[int | None, int]:
    """Return the NewSubfileType of a directory (None: damaged), and the position of the next.

    After the last directory the position is 0.
    """
    try:
        file.seek(place)
        count = layout.number(layout.entries, file.read(struct.calcsize("<" + layout.entries)))
    except (OSError, OverflowError, ValueError):  # the position is beyond what a file can have
        return None, 0
    if not 0 < count <= _MOST_ENTRIES:
        return None, 0  # no real page has so few or so many entries
    entries = file.read(count * layout.entry_size)
    following = file.read(struct.calcsize("<" + layout.offset))
    if not following:
        return None, 0
    return _kind(entries, layout), layout.number(layout.offset, following)


def _kind(entries: bytes, layout: _Layout) -> int:
    for start in range(0, len(entries), layout.entry_size):
        if layout.number("H", entries[start:]) == _NEW_SUBFILE_TYPE:
            is_short = layout.number("H", entries[start + 2 :]) == _SHORT
            width = struct.calcsize("<" + layout.offset)
            value = entries[start + layout.entry_size - width :]
            return layout.number("H" if is_short else "L", value)
    return 0
