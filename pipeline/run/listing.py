"""The results in a bucket: listed once into an SQLite file, and looked up by picture."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Self

from ..output.layout import KINDS, key_of, wanted
from ..storage.buckets import listed
from ..storage.urls import RemotePath

if TYPE_CHECKING:
    from ..config.sections import OutputConfig
    from ..output.parts import InputPart


class Listing:
    """The results of an output in a bucket, by picture.

    They are not in memory, as there may be millions. A request lists a thousand.

    Args:
        output: where the results lie.
        part: the part of the input; None: all of it.

    Raises:
        ConfigError: the bucket cannot be listed.
    """

    def __init__(self, output: RemotePath, part: InputPart | None) -> None:
        self._db = sqlite3.connect("")  # an unnamed temporary file
        self._db.execute("CREATE TABLE there (key BLOB, name BLOB)")
        for kind in KINDS:
            self._db.executemany("INSERT INTO there VALUES (?, ?)", _rows(output, kind, part))
        self._db.execute("CREATE INDEX by_key ON there (key, name)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def of(self, key: str) -> list[str]:
        """Return the names of all results of a picture, below the output."""
        with closing(self._db.execute("SELECT name FROM there WHERE key = ?", (os.fsencode(key),))) as rows:  # fmt: skip
            return [os.fsdecode(name) for (name,) in rows]

    def has(self, output: OutputConfig, key: str, page: int) -> bool:
        """Say whether all wanted results of a page exist."""
        there = set(self.of(key))
        files = wanted(output, key, page)
        return all(str(file.relative_to(output.path)) in there for file in files)


def _rows(output: RemotePath, kind: str, part: InputPart | None) -> Iterator[tuple[bytes, bytes]]:
    start, suffix = len(str(output)) + 1, KINDS[kind]
    for found in listed(output / kind):
        name = found.url[start:]
        key = key_of(name.removeprefix(f"{kind}/").removesuffix(suffix))
        if part is None or key in part:
            yield os.fsencode(key), os.fsencode(name)
