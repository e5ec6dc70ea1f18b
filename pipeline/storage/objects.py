"""Objects of buckets, written whole or not at all, and on conditions if asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...stages.errors import ConfigError, LocpipeError, OutputError
from .buckets import PIECE, bucket_errors, listed, looked_up, obstore_package, placed
from .urls import RemotePath


@dataclass(frozen=True)
class Stamp:
    """Identifies one content of an object. The store makes it, and never twice the same."""

    tag: str | None
    version: str | None


@dataclass(frozen=True)
class Content:
    """Content of an object, and its time in nanoseconds by the clock of the store."""

    data: bytes
    stamp: Stamp
    changed_ns: int


def put(url: RemotePath, content: bytes | Path) -> Stamp:
    """Write an object, or the content of a file, in one step.

    Raises:
        OutputError: it cannot be written.
        ImageError: no object may have this name.
    """
    with bucket_errors(str(url), OutputError, "written"):
        store, key = placed(str(url))
        # A large file is sent in parts. The object exists when the last part is there.
        told = obstore_package().put(store, key, content)
        return Stamp(told["e_tag"], told["version"])


def put_if(
    url: RemotePath, content: bytes, before: Stamp | None, error: type[LocpipeError] = OutputError
) -> Stamp | None:
    """Write an object only if it has not changed; None: it has.

    Args:
        url: URL of the object.
        content: the new content.
        before: the stamp that it must have; None: it must not exist.
        error: class of the error that is raised.

    Raises:
        LocpipeError: of the kind given: it cannot be written.
    """
    mode: object = "create"
    if before is not None:
        mode = {"e_tag": before.tag, "version": before.version}
        mode = {name: value for name, value in mode.items() if value is not None}
    with bucket_errors(str(url), error, "written"):
        store, key = placed(str(url))
        package = obstore_package()
        try:
            told = package.put(store, key, content, mode=mode, use_multipart=False)
        except (package.exceptions.AlreadyExistsError, package.exceptions.PreconditionError):
            return None
        return Stamp(told["e_tag"], told["version"])


def content_of(url: RemotePath, error: type[LocpipeError] = ConfigError) -> Content | None:
    """Read a whole object; None: it does not exist.

    Raises:
        LocpipeError: of the kind given: it may not be read, or no server answers.
    """
    with bucket_errors(str(url), error):
        store, key = placed(str(url))
        try:
            got = obstore_package().get(store, key)
            data = bytes(got.bytes())
        except FileNotFoundError as missing:
            if "NoSuchBucket" in str(missing):
                raise
            return None
        meta = got.meta
        stamp = Stamp(meta["e_tag"], meta["version"])
        return Content(data, stamp, round(meta["last_modified"].timestamp() * 1e6) * 1000)


def removed(urls: Iterable[RemotePath]) -> None:
    """Remove objects in this order; missing ones are skipped.

    Raises:
        OutputError: they may not be removed.
    """
    for url in urls:
        with bucket_errors(str(url), OutputError, "removed"):
            store, key = placed(str(url))
            obstore_package().delete(store, key)


def bytes_at(place: Path) -> bytes:
    """Return the content of a file or an object.

    Raises:
        OSError: it is not there, or the file cannot be read.
        ConfigError: the object may not be read.
    """
    if not isinstance(place, RemotePath):
        return place.read_bytes()
    content = content_of(place)
    if content is None:
        msg = f"{place} does not exist"
        raise FileNotFoundError(msg)
    return content.data


def is_file_at(place: Path) -> bool:
    """Say whether a file or an object exists.

    Raises:
        ConfigError: the object may not be read.
    """
    return looked_up(str(place)) is not None if isinstance(place, RemotePath) else place.is_file()


def holds_files(folder: Path) -> bool:
    """Say whether there is a file anywhere below a folder.

    Raises:
        ConfigError: the bucket may not be listed.
    """
    if isinstance(folder, RemotePath):
        return any(True for _ in listed(folder))
    return any(files for _, _, files in os.walk(folder))


def names_in(folder: Path) -> list[str]:
    """Return the names of the files and folders in a folder; none if it does not exist.

    Raises:
        ConfigError: the bucket may not be listed.
    """
    if not isinstance(folder, RemotePath):
        return os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - only the names are needed
    with bucket_errors(str(folder), ConfigError):
        store, key = placed(str(folder))
        found = obstore_package().list_with_delimiter(store, key)
        paths = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        return [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]


def stamp_of(url: RemotePath) -> Stamp | None:
    """Return the stamp of an object; None: it does not exist.

    Raises:
        OutputError: the stamp cannot be read.
    """
    with bucket_errors(str(url), OutputError):
        store, key = placed(str(url))
        try:
            meta = obstore_package().head(store, key)
        except FileNotFoundError:
            return None
        return Stamp(meta["e_tag"], meta["version"])


def brought(url: RemotePath, file: Path) -> Stamp | None:
    """Copy an object to a file, and return its stamp; None: the object does not exist.

    Raises:
        OutputError: it may not be read, or no server answers.
        OSError: the file cannot be written.
    """
    with bucket_errors(str(url), OutputError):
        store, key = placed(str(url))
        try:
            got = obstore_package().get(store, key)
        except FileNotFoundError:
            return None
        pieces, meta = got.stream(min_chunk_size=PIECE), got.meta
    with file.open("wb") as stream:
        for piece in _each(str(url), pieces):
            stream.write(piece)
    return Stamp(meta["e_tag"], meta["version"])


def _each(url: str, pieces: Iterable[object]) -> Iterator[bytes]:
    with bucket_errors(url, OutputError):
        yield from map(bytes, pieces)  # type: ignore[arg-type] # buffers of obstore, which is loaded late
