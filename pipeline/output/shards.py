"""Shards: Parquet files with one row per page. Only this module writes and reads them.

A file is written whole and takes its place at once. Its footer, at the end, shows that it is
complete: Parquet without a footer cannot be read.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...stages.errors import ConfigError
from ...stages.extras import plugin
from .atomic import replacing, settle
from .box_json import SCHEMA, Page, page_of, read_page
from .layout import SHARDS

SUFFIX: Final = ".parquet"
SHARD_SCHEMA: Final = "locpipe/shard/1"
_IMAGE: Final = ("width", "height", "exif_orientation", "stored_width", "stored_height")
_MAKER: Final = ("model", "model_sha256", "config_sha256", "locpipe")
_WITHOUT_MASKS: Final = ("mask_runs", "mask_values")

Row = dict[str, Any]


@dataclass(frozen=True)
class ShardPage(Page):
    """A page of a shard. The mask is stored as runs of equal values, row by row."""

    runs: NDArray[np.uint32] | None = field(default=None, compare=False)
    values: NDArray[np.uint8] | None = field(default=None, compare=False)

    def mask(self) -> NDArray[np.uint8] | None:
        """Return the mask, uint8 [height, width], with the values of masks/*.png; None: no mask."""
        if self.runs is None or self.values is None:
            return None
        return np.repeat(self.values, self.runs).reshape(self.height, self.width)


def run_lengths_of(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the runs of equal values of a mask [h, w], row by row: their lengths and their values."""
    flat = mask.reshape(-1)
    starts = np.r_[0, np.flatnonzero(flat[1:] != flat[:-1]) + 1]
    runs = np.diff(starts, append=len(flat))
    return runs.astype(np.uint32), flat[starts]


def row_of(document: Mapping[str, Any], mask: NDArray[np.uint8] | None) -> Row:
    """Return the row of a page with its box JSON and its mask, uint8 [h, w]."""
    image = document["image"]
    row = {"page": image["page"], "status": "done", "labels": document["labels"], "boxes": document["boxes"]}  # fmt: skip
    row |= {name: image[name] for name in _IMAGE} | document["made_by"]
    row |= {name: document[name] for name in ("warnings",) if name in document}
    if "filtered" in document:
        row["filtered"] = list(document["filtered"].items())
    if mask is not None:
        row["mask_runs"], row["mask_values"] = run_lengths_of(mask)
    return row


def _fields() -> Any:  # noqa: ANN401 - a schema of pyarrow, which ships no types
    pa = plugin("pyarrow", "shards", "output.layout: shards is Parquet", ConfigError)
    box = pa.struct(
        [
            ("label", pa.string()),
            ("score", pa.float64()),
            ("rect", pa.list_(pa.int32())),
            ("polygon", pa.list_(pa.list_(pa.float64()))),
            ("line", pa.int32()),
            ("block", pa.int32()),
            ("direction", pa.string()),
            ("class", pa.string()),
            ("probability", pa.float64()),
        ]
    )
    texts = ("sha256", *_MAKER, "stage", "error", "message")
    return pa.schema(
        [
            ("path", pa.string()),
            ("path_bytes", pa.binary()),
            ("page", pa.int32()),
            ("status", pa.string()),
            ("pages", pa.int32()),
            ("size", pa.int64()),
            ("mtime_ns", pa.int64()),
            *((name, pa.int32()) for name in _IMAGE),
            ("labels", pa.list_(pa.string())),
            ("boxes", pa.list_(box)),
            ("filtered", pa.map_(pa.string(), pa.int64())),
            ("warnings", pa.list_(pa.string())),
            ("mask_runs", pa.list_(pa.uint32())),
            ("mask_values", pa.list_(pa.uint8())),
            *((name, pa.string()) for name in texts),
        ]
    )


def check_package() -> None:
    """Check that shards can be written.

    Raises:
        ConfigError: the package is missing.
    """
    _fields()


def named(key: str, row: Row) -> Row:
    """Return a row with the key of its picture as text, and as bytes if it is not UTF-8."""
    raw = os.fsencode(key)
    readable = raw.decode("utf-8", "replace")
    return {"path": readable, "path_bytes": None if readable.encode() == raw else raw, **row}


def key_of_row(row: Mapping[str, Any]) -> str:
    """Return the key of the picture of a row."""
    raw = row["path_bytes"]
    return str(row["path"]) if raw is None else os.fsdecode(raw)


def shard_file(output: Path, name: str) -> Path:
    """Return the file of a shard."""
    return output / SHARDS / f"{name}{SUFFIX}"


def shards_of(output: Path) -> list[str]:
    """Return the names of the shards of an output, in order."""
    folder = output / SHARDS
    files = os.listdir(folder) if folder.is_dir() else ()  # noqa: PTH208 - only the names are needed
    return sorted(name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX))


def write_shard(output: Path, name: str, rows: Sequence[Row]) -> None:
    """Write a shard in one step and make it durable.

    Raises:
        OutputError: it cannot be written.
    """
    pa = plugin("pyarrow", "shards", "output.layout: shards is Parquet", ConfigError)
    fields = _fields().with_metadata({"schema": SHARD_SCHEMA})
    rows = sorted(rows, key=lambda row: (row["path"], row["page"] or 0))
    _write(output, name, pa.Table.from_pylist(rows, fields))


def keep_rows(output: Path, name: str, keys: Iterable[str]) -> None:
    """Write a shard again with the rows of some pictures only.

    Raises:
        OutputError: it cannot be written.
    """
    kept = set(keys)
    table = read_table(shard_file(output, name))
    wanted = [key_of_row(row) in kept for row in table.select(["path", "path_bytes"]).to_pylist()]
    _write(output, name, table.filter(wanted))


def _write(output: Path, name: str, table: Any) -> None:  # noqa: ANN401 - of pyarrow
    parquet = plugin("pyarrow.parquet", "shards", "output.layout: shards is Parquet", ConfigError)
    file = shard_file(output, name)
    with replacing(output, file) as temporary:
        parquet.write_table(table, temporary, compression="zstd")
    settle(output, [file])


def read_table(file: Path, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401 - of pyarrow
    """Read a shard.

    Raises:
        ConfigError: the file is torn or no shard, or the package is missing.
    """
    parquet = plugin("pyarrow.parquet", "shards", f"{file} is Parquet", ConfigError)
    try:
        with parquet.ParquetFile(file) as opened:
            if (opened.schema_arrow.metadata or {}).get(b"schema") != SHARD_SCHEMA.encode():
                msg = f"{file}: is no shard of this version; remove it and run again"
                raise ConfigError(msg)
            return opened.read(columns=columns)
    except (OSError, ValueError) as error:
        msg = f"{file}: is torn ({error}); run again to do its pictures again"
        raise ConfigError(msg) from error


def has_shards(output: Path) -> bool:
    """Say whether the results of an output lie in shards."""
    return bool(shards_of(output))


def shard_pages(output: Path) -> Iterator[ShardPage]:
    """Yield the pages with a result, shard by shard; within a shard sorted by name and page.

    Raises:
        ConfigError: a shard is torn.
    """
    for name in shards_of(output):
        yield from filter(None, pages_of_shard(shard_file(output, name)))


def pages_of_shard(file: Path) -> Iterator[ShardPage | None]:
    """Yield the page of every row of a shard; None: the page failed.

    Raises:
        ConfigError: the shard is torn.
    """
    table = read_table(file)
    for number in range(table.num_rows):
        row = table.slice(number, 1)
        masks = [row.column(name)[0] for name in _WITHOUT_MASKS]
        (plain,) = row.drop_columns(list(_WITHOUT_MASKS)).to_pylist()
        if plain["status"] != "done":
            yield None
            continue
        found = page_of(document_of(plain), f"{file}, row {number}")
        # A key decides where exports go, so a forged key must not lead out of their folder.
        if found.key.startswith("/") or ".." in found.key.split("/"):
            msg = f"{file}, row {number}: {found.key!r} leads out of the input; remove this file and run again"
            raise ConfigError(msg)
        runs, values = (each.values.to_numpy() if each.is_valid else None for each in masks)
        yield ShardPage(**vars(found), runs=runs, values=values)


def document_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the box JSON of a row."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "image": {"path": key_of_row(row), **{name: row[name] for name in ("page", *_IMAGE)}, "sha256": row["sha256"]},
        "made_by": {name: row[name] for name in _MAKER},
        "labels": row["labels"],
        "boxes": [{name: value for name, value in box.items() if value is not None} for box in row["boxes"]],
    }  # fmt: skip
    if row["filtered"]:
        document["filtered"] = dict(row["filtered"])
    if row["warnings"]:
        document["warnings"] = row["warnings"]
    return document


def placed_pages(output: Path) -> Iterator[tuple[ShardPage, str]]:
    """Yield the pages of shards with their places for `page_at`; errors as for `shard_pages`."""
    for name in shards_of(output):
        file = shard_file(output, name)
        for row, page in enumerate(pages_of_shard(file)):
            if page is not None:
                yield page, f"{file}/{row}"


def page_at(place: str) -> Page:
    """Return the page at a place: a row of a shard, or a box JSON. The last shard is cached.

    Raises:
        ConfigError: the shard is torn, or has been rewritten since.
    """
    if place.endswith(".json"):
        return read_page(Path(place))
    file, _, row = place.rpartition("/")
    pages = _all_pages(file, Path(file).stat().st_mtime_ns)
    page = pages[int(row)] if int(row) < len(pages) else None
    if page is None:
        msg = f"{file}: has changed, there is no page in row {row}; run the command again"
        raise ConfigError(msg)
    return page


@lru_cache(maxsize=1)
def _all_pages(file: str, _mtime_ns: int) -> list[ShardPage | None]:
    return list(pages_of_shard(Path(file)))
