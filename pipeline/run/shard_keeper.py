"""Keeps results in shards: rows are collected, written together, and noted in the state.

The parent writes shards, not the workers: a worker has only a few pictures at a time, and a shard
is large. One writer can also make a shard and the state durable together, so that after a kill no
picture is lost or doubled.
"""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ...stages.errors import ConfigError
from ..output.layout import remove_durably
from ..output.parts import InputPart
from ..output.shards import (
    Row,
    keep_rows,
    key_of_row,
    named,
    read_table,
    shard_file,
    shards_of,
    write_shard,
)
from ..workers.messages import Outcome

PAGES: Final = 1000
"""Rows of a shard."""
RUNS: Final = 10_000_000
"""Most runs of mask values in a shard; each takes five bytes."""
SECONDS: Final = 300.0
"""After so long a shard is written even if it is not full."""
_KNOWN: Final = ("path", "path_bytes", "page", "status", "pages", "size", "mtime_ns", "sha256", "config_sha256", "model_sha256")  # fmt: skip

_ADOPT: Final = """
INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, 'done', ?, 0, 0, NULL, NULL, NULL, ?)
ON CONFLICT (key) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, status = 'done',
    config_sha256 = excluded.config_sha256, model_sha256 = excluded.model_sha256,
    pages = excluded.pages, attempts = 0, stage = NULL, error = NULL, message = NULL,
    shard = excluded.shard
WHERE pictures.shard < excluded.shard
"""
"""SQL that notes a picture of a shard, unless a later shard has it."""

log = logging.getLogger(__name__)


class ShardKeeper:
    """Collects the rows of pictures into shards.

    Args:
        output: folder of the results.
        part: the part of the input; a part handles only its own shards.
        config_sha256: hash of the run's config.
        model_sha256: hash of the run's model.

    Attributes:
        name: name of the shard that is being filled.
    """

    def __init__(
        self, output: Path, part: InputPart | None, config_sha256: str, model_sha256: str
    ) -> None:
        self._output = output
        self._prefix = "" if part is None else f"{part.number}-of-{part.of}-"
        self._hashes = config_sha256, model_sha256
        self._is_part = part is not None
        self._rows: list[Row] = []
        self._keys: set[str] = set()
        self._runs = 0
        self._known = self._own()
        self.name = self._next_name()

    def place(self, name: str) -> Path:
        """Return where a shard lies."""
        return shard_file(self._output, name)

    def found(self) -> dict[str, tuple[int, int]]:
        """Return the existing shards, each with its size and its time of change."""
        return {name: self.kept(name) for name in shards_of(self._output)}

    def kept(self, name: str) -> tuple[int, int]:
        """Put a new shard in its place; return its size and time of change."""
        status = shard_file(self._output, name).stat()
        return status.st_size, status.st_mtime_ns

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """Yield the file of a shard."""
        yield shard_file(self._output, name)

    def set_aside(self, name: str) -> None:
        """Rename a shard that is torn."""
        file = shard_file(self._output, name)
        file.replace(file.with_suffix(".torn"))

    def remove(self, name: str) -> None:
        """Remove a shard."""
        remove_durably(self._output, [shard_file(self._output, name)])

    def _own(self) -> dict[str, tuple[int, int]]:
        """Return the shards to handle; in a part, only its own."""
        every = self.found()
        return {name: every[name] for name in sorted(every) if name.startswith(self._prefix)}

    def _next_name(self) -> str:
        pattern = re.compile(re.escape(self._prefix) + r"(\d+)")
        numbers = [int(found[1]) for each in self._known if (found := pattern.fullmatch(each))]
        return f"{self._prefix}{max(numbers, default=0) + 1:06}"

    def add(self, outcome: Outcome, size: int, mtime_ns: int) -> None:
        """Take the rows of a picture, those of its pages and those of failures."""
        of_file = {"pages": outcome.pages, "size": size, "mtime_ns": mtime_ns, "sha256": outcome.sha256}  # fmt: skip
        of_file |= dict(zip(("config_sha256", "model_sha256"), self._hashes, strict=True))
        rows = list(outcome.rows)
        failures = [(each.page, each.stage, each.error, each.message) for each in outcome.failed_pages]  # fmt: skip
        if outcome.failure is not None:
            failures.append((None, *outcome.failure))  # type: ignore[arg-type] # of the whole file
        rows += [{"page": page, "status": "failed", "stage": stage, "error": error, "message": message} for page, stage, error, message in failures]  # fmt: skip
        self._rows += [named(outcome.key, {**of_file, **row}) for row in rows]
        self._runs += sum(len(row.get("mask_runs", ())) for row in rows)
        self._keys.add(outcome.key)

    def is_full(self) -> bool:
        """Say whether the collected rows fill a shard."""
        return len(self._rows) >= PAGES or self._runs >= RUNS

    def settle(self, db: sqlite3.Connection) -> None:
        """Write the collected rows, and note the shard in the state without a commit.

        Raises:
            OutputError: it cannot be written.
        """
        if not self._rows:
            return
        write_shard(self._output, self.name, self._rows)
        self._known[self.name] = self.kept(self.name)
        self._note(db, self.name, len(self._keys))
        self._rows, self._keys, self._runs = [], set(), 0
        self.name = self._next_name()

    def _note(self, db: sqlite3.Connection, name: str, pictures: int) -> None:
        row = (name, *self._known[name], pictures)
        db.execute("INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?)", row)

    def look(self, db: sqlite3.Connection) -> None:
        """Compare the shards with the state; pictures of missing or changed shards are done again.

        A shard that the state does not know is adopted, for example after a loss of the state. A
        torn or missing shard is logged, and its pictures need work.
        """
        known = {name: rest for name, *rest in db.execute("SELECT * FROM shards")}
        for name, size_and_time in self._known.items():
            if tuple(known.get(name, ())[:2]) != size_and_time:
                self._look_into(db, name, is_known=name in known)
        for name in known.keys() - set(self._known):
            if name.startswith(self._prefix):
                self._lose(db, name, "is gone")
        self._tell_of_other_configs(db)

    def _look_into(self, db: sqlite3.Connection, name: str, *, is_known: bool) -> None:
        try:
            with self.at_hand(name) as file:
                rows = read_table(file, _KNOWN).to_pylist()
        except ConfigError:
            self._lose(db, name, "is torn")
            self.set_aside(name)
            return
        keys = {key_of_row(row) for row in rows}
        failed = {key_of_row(row) for row in rows if row["status"] != "done"}
        if is_known:
            self._lose(db, name, "has changed", but=keys)
        for row in rows:
            key = os.fsencode(key_of_row(row))
            if row["page"] == 1 and os.fsdecode(key) not in failed:
                values = (row["size"], row["mtime_ns"], row["sha256"], row["config_sha256"], row["model_sha256"])  # fmt: skip
                db.execute(
                    _ADOPT,
                    (key, *values, row["pages"], name),
                )
        self._note(db, name, len(keys))

    def _lose(
        self, db: sqlite3.Connection, name: str, how: str, but: set[str] | None = None
    ) -> None:
        of_shard = db.execute("SELECT key FROM pictures WHERE shard = ?", (name,)).fetchall()
        lost = [row for row in of_shard if os.fsdecode(row[0]) not in (but or ())]
        db.executemany("DELETE FROM pictures WHERE key = ?", lost)
        db.execute("DELETE FROM shards WHERE name = ?", (name,))
        if lost or how == "is torn":
            log.warning("%s: %s; its %d pictures are done again", self.place(name), how, len(lost))

    def _tell_of_other_configs(self, db: sqlite3.Connection) -> None:
        query = (
            "SELECT COUNT(DISTINCT shard), COUNT(*) FROM pictures WHERE shard != '' AND "
            "(config_sha256 != ? OR model_sha256 != ?)"
        )
        shards, pictures = db.execute(query, self._hashes).fetchone()
        if pictures:
            log.warning("%d shards are of another config or model; their %d pictures are done again", shards, pictures)  # fmt: skip

    def tidy(self, db: sqlite3.Connection) -> None:
        """Drop rows of pictures that were done again or forgotten. A part leaves this to `merge`.

        Raises:
            OutputError: a shard cannot be written.
        """
        if self._is_part:
            return
        for name in list(self._stale(db)):
            rows = db.execute("SELECT key FROM pictures WHERE shard = ?", (name,)).fetchall()
            if rows:
                with self.at_hand(name):
                    keep_rows(self._output, name, (os.fsdecode(key) for (key,) in rows))
                    self._known[name] = self.kept(name)
                self._note(db, name, len(rows))
            else:
                self.remove(name)
                db.execute("DELETE FROM shards WHERE name = ?", (name,))

    def _stale(self, db: sqlite3.Connection) -> Iterator[str]:
        live = dict(db.execute("SELECT shard, COUNT(*) FROM pictures WHERE shard != '' GROUP BY shard"))  # fmt: skip
        for name, pictures in db.execute("SELECT name, pictures FROM shards").fetchall():
            if live.get(name, 0) != pictures:
                yield name


def keeper_of(output: Path, report: Mapping[str, Any]) -> ShardKeeper:
    """Return the keeper of the shards of a finished run, given its run.json."""
    return ShardKeeper(output, None, report["config_sha256"], report["model_sha256"])
