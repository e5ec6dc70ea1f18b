"""Lists of pictures: a path per line of a text file or of JSONL, or per row of Parquet."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...stages.errors import ConfigError
from ...stages.extras import plugin
from ..storage.buckets import checked
from ..storage.urls import hidden, is_url

MANIFESTS: Final = (".txt", ".jsonl", ".parquet")
COLUMN: Final = "path"
"""Name of the column in Parquet."""
_ROWS: Final = 10_000
_LONGEST: Final = 200


@dataclass(frozen=True)
class ManifestLine:
    """A line of a list, counted from 1: an absolute path, or what is wrong with it."""

    number: int
    path: str
    fault: str = ""


def lines_of(manifest: Path) -> Iterator[ManifestLine]:
    """Yield the lines that name a picture, and wrong lines; blank lines are left out.

    Raises:
        ConfigError: the file is no Parquet or lacks the column, or the package for it is missing.
    """
    kind = manifest.suffix.lower()
    if kind == ".parquet":
        yield from _rows(manifest)
        return
    with manifest.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            if not text.strip():
                continue
            try:
                text = _path_in_json(text) if kind == ".jsonl" else text
                yield ManifestLine(number, _checked(text))
            except ValueError as error:
                yield ManifestLine(number, "", f"{manifest}:{number}: {error}")


def _checked(text: str) -> str:
    if "\0" in text:
        msg = "a path has no NUL byte; write one path per line"
        raise ValueError(msg)
    if is_url(text):
        return checked(text)
    if text[:1] == "/":
        return os.path.normpath(text)  # the same as abspath(), in less time
    return os.path.abspath(text)  # noqa: PTH100 - resolve() would follow links


def _path_in_json(text: str) -> str:
    remedy = 'write one "path" or {"path": "path"} per line'
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON ({error}); {remedy}"
        raise ValueError(msg) from error
    path = value.get("path") if isinstance(value, dict) else value
    if not isinstance(path, str) or not path:
        msg = f"no path in {hidden(text)[:_LONGEST]!r}; {remedy}"
        raise ValueError(msg)
    return path


def _rows(manifest: Path) -> Iterator[ManifestLine]:
    parquet = plugin("pyarrow.parquet", "shards", f"{manifest} is Parquet", ConfigError)
    try:
        file = parquet.ParquetFile(manifest)
        names = file.schema_arrow.names
    except (OSError, ValueError) as error:
        msg = f"{manifest}: is no Parquet ({error}); write it again"
        raise ConfigError(msg) from error
    if COLUMN not in names:
        msg = f"{manifest}: has no column {COLUMN!r}, but {', '.join(names[:10])}; rename that of the paths"
        raise ConfigError(msg)
    number = 0
    with file:
        for batch in file.iter_batches(_ROWS, columns=[COLUMN]):
            for path in batch.column(0).to_pylist():
                number += 1
                if not isinstance(path, str) or not path or "\0" in path:
                    fault = (
                        f"{manifest}:{number}: no path in row {number}; write one into {COLUMN!r}"
                    )
                    yield ManifestLine(number, "", fault)
                else:
                    try:
                        yield ManifestLine(number, _checked(path))
                    except ValueError as error:
                        yield ManifestLine(number, "", f"{manifest}:{number}: {error}")
