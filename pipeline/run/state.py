"""The record of every picture across runs: one SQLite file with one writer.

If it is lost, nothing is: workers recognise finished pictures by the hashes in their JSON. Its
content is durable, and so are the results that it calls done.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Self

from ...stages.errors import ConfigError, OutputError
from ..output.atomic import Unsettled
from ..output.failures import Failure
from ..output.layout import key_of
from ..sources.results import STATE_FOLDER
from ..workers.messages import Outcome
from .database import open_database
from .records import PAGE_MARK, Known, Planned, planned_of, row_of
from .shard_keeper import SECONDS, ShardKeeper

COMMIT_SECONDS = 1.0
CACHE_KIB = 512
"""Memory of a cache of SQLite while pictures are worked on."""


def state_file(output: Path) -> Path:
    """Return the file of the state of an output."""
    return output / STATE_FOLDER / "state.sqlite"


class State:
    """The state of one output folder. Use it as a context manager, which commits at its end.

    Args:
        output: folder of the results, or the desk of a part.
        results: place of the results if it is not `output`.
        keeper: keeper of results in shards.
        read_only: create and change nothing.

    Attributes:
        run: number of this run.
        has_begun: whether `begin` was called, so that the plan is whole.
    """

    def __init__(
        self,
        output: Path,
        results: Path | None = None,
        keeper: ShardKeeper | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self._file = state_file(output)
        self._db = open_database(self._file, read_only=read_only)
        self._cursors: list[sqlite3.Cursor] = []
        self._committed = time.monotonic()
        self._unsettled = Unsettled(results or output)
        self._keeper = keeper
        if keeper is not None:
            keeper.look(self._db)
        self.run = self._current_run()
        self.has_begun = False
        self._has_pages = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A query that is not read to its end keeps the file locked, even after the connection is closed.
        for cursor in self._cursors:
            cursor.close()
        with closing(self._db), suppress(sqlite3.OperationalError):
            self.commit()

    @property
    def is_settled(self) -> bool:
        """Whether everything noted is in the file, so that a copy of it is complete."""
        return not self._db.in_transaction

    def commit(self) -> None:
        """Make results durable together, and only then note them as done.

        Raises:
            OutputError: the disk refuses them.
        """
        self._unsettled.settle()
        if self._keeper is not None:
            self._keeper.settle(self._db)
        self._db.commit()
        self._committed = time.monotonic()

    def _rows(self, query: str, *parameters: object) -> sqlite3.Cursor:
        """Return the rows of a query that need not be read to its end."""
        self._cursors.append(self._db.execute(query, parameters))
        return self._cursors[-1]

    def _current_run(self) -> int:
        """Return the number of this run. A stopped run keeps it, and so retries no failure."""
        last, finished = self._db.execute(
            "SELECT run, finished FROM runs ORDER BY run DESC LIMIT 1"
        ).fetchone() or (0, 1)
        return int(last) + int(finished)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            msg = f"{self._file}: {error}; free space on the disk of output.path and on that of TMPDIR"
            raise OutputError(msg) from error

    def begin(self) -> None:
        """Note that the plan is made and the run starts.

        Old results of pictures that need work no longer count. If this run is killed, a later run
        must not take results of this config for those of the config before.

        Raises:
            OutputError: the disk is full.
        """
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO runs VALUES (?, 0)", (self.run,))
            self._db.execute(
                "UPDATE pictures SET status = 'begun' WHERE status = 'done' AND key IN "
                "(SELECT key FROM temp.plan WHERE todo = 1)"
            )
            self.commit()
        # Planning reads all rows. A run then writes some per second, and a larger cache would only grow.
        for database in ("main", "temp"):
            self._db.execute(f"PRAGMA {database}.cache_size = -{CACHE_KIB}")
        self._db.execute("PRAGMA shrink_memory")
        self.has_begun = True

    def finish(self) -> None:
        """Note that the run has seen every picture, so that the next run may retry failures.

        Raises:
            OutputError: the disk is full.
        """
        with self._writing():
            self._db.execute("UPDATE runs SET finished = 1 WHERE run = ?", (self.run,))
        self.tidy()

    def tidy(self) -> None:
        """Drop rows of shards that no longer count.

        Raises:
            OutputError: a shard cannot be written.
        """
        if self._keeper is not None:
            self.commit()
            self._keeper.tidy(self._db)

    def forget(self, keys: Iterable[str]) -> None:
        """Drop the records of pictures.

        Raises:
            OutputError: the disk is full.
        """
        names = [(os.fsencode(key),) for key in keys]
        with self._writing():
            for table in ("pictures", "cut", "failed_pages"):
                self._db.executemany(f"DELETE FROM {table} WHERE key = ?", names)  # noqa: S608 - no input

    def known(self, key: str) -> Known | None:
        """Return the record of a picture."""
        return self.known_of([key]).get(key)

    def known_of(self, keys: Sequence[str]) -> dict[str, Known]:
        """Return the records of at most some thousand pictures; new pictures have none."""
        rows = self._db.execute(
            "SELECT key, size, mtime_ns, config_sha256, model_sha256, status, pages, attempts, run "  # noqa: S608 - no input
            f"FROM pictures WHERE key IN ({','.join('?' * len(keys))})",
            [os.fsencode(key) for key in keys],
        )
        return {os.fsdecode(key): Known(*rest) for key, *rest in rows}

    def given_up(self, key: str, most: int) -> tuple[int, ...]:
        """Return the pages of a picture that have failed at least `most` times."""
        rows = self._db.execute(
            "SELECT page FROM failed_pages WHERE key = ? AND attempts >= ? ORDER BY page",
            (os.fsencode(key), most),
        )
        return tuple(page for (page,) in rows)

    def plan(self, some: Iterable[Planned]) -> None:
        """Add pictures to the plan of this run.

        Raises:
            ConfigError: another picture has the same key: results would overwrite each other.
            OutputError: the disk of temporary files is full.
        """
        one = None

        def rows() -> Iterator[tuple[object, ...]]:
            nonlocal one
            for one in some:
                self._has_pages |= PAGE_MARK in one.picture.key
                yield row_of(one)

        try:
            with self._writing():
                self._db.executemany(
                    "INSERT INTO temp.plan VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", rows()
                )
        except sqlite3.IntegrityError as error:
            assert one is not None  # the last one that was asked for
            msg = (
                f"input.path: {one.picture.path} is listed twice, and both would be written to "
                f"{one.picture.key}; list every picture once"
            )
            raise ConfigError(msg) from error

    def check_names(self) -> None:
        """Check that no picture has the name of a later page of another picture.

        Raises:
            ConfigError: a picture has: results would overwrite each other.
        """
        if not self._has_pages:
            return
        rows = self._db.execute(
            "SELECT key, path FROM temp.plan WHERE CAST(key AS TEXT) GLOB '*.page-[0-9]*'"
        )
        for name, path in rows:
            key = os.fsdecode(name)
            found = (os.fsencode(key_of(key)),)
            if (
                key_of(key) != key
                and self._db.execute("SELECT 1 FROM temp.plan WHERE key = ?", found).fetchone()
            ):
                msg = (
                    f"input.path: {os.fsdecode(path)} would share the names of its results with pages "
                    f"of {key_of(key)}; rename it, or run it into another output.path"
                )
                raise ConfigError(msg)

    def put_off(self, outcome: Outcome) -> None:
        """Put off a picture that lacked memory, for workers with more memory."""
        row = outcome.needs, os.fsencode(outcome.key)
        with self._writing():
            self._db.execute("UPDATE temp.plan SET needs = ? WHERE key = ?", row)

    def put_off_so_far(self) -> tuple[int, int]:
        """Return the number of pictures put off, and the largest need of memory in bytes."""
        row = self._db.execute("SELECT COUNT(*), MAX(needs) FROM temp.plan WHERE needs > 0")
        count, most = row.fetchone()
        return int(count), int(most or 0)

    def planned(
        self, *, todo: bool | None = None, limit: int | None = None, put_off: bool = False
    ) -> Iterator[Planned]:
        """Yield the plan sorted by key; `todo`: only pictures that need work, or that need none.

        With `put_off`, only pictures that were put off.
        """
        where = "" if todo is None else f"WHERE todo = {int(todo)}"
        where = "WHERE needs > 0" if put_off else where
        rows = self._rows(
            "SELECT key, path, size, mtime_ns, todo, reason, pages, left_alone FROM temp.plan "  # noqa: S608 - no input
            f"{where} ORDER BY key LIMIT ?",
            -1 if limit is None else limit,
        )
        yield from map(planned_of, rows)

    def count(self, *, todo: bool | None = None, limit: int | None = None) -> int:
        """Return the number of pictures that `planned` yields for the same arguments."""
        where = "" if todo is None else f"WHERE todo = {int(todo)}"
        query = f"SELECT COUNT(*) FROM (SELECT 1 FROM temp.plan {where} LIMIT ?)"  # noqa: S608 - no input
        return int(self._db.execute(query, (-1 if limit is None else limit,)).fetchone()[0])

    def left_alone(self) -> dict[str, int]:
        """Return the number of planned pictures that need no work, by status (done or failed)."""
        rows = self._db.execute(
            "SELECT status, COUNT(*) FROM temp.plan JOIN pictures USING (key) "
            "WHERE todo = 0 GROUP BY status"
        )
        return dict(rows.fetchall())

    def record(
        self,
        outcome: Outcome,
        config_sha256: str,
        model_sha256: str,
        files: Iterable[Path] = (),
    ) -> None:
        """Record the outcome of a planned picture. Its result files become durable before.

        Raises:
            OutputError: the disk is full.
        """
        key, failure = outcome.key, outcome.failure
        name = os.fsencode(key)
        size, mtime_ns, left_alone = self._db.execute(
            "SELECT size, mtime_ns, left_alone FROM temp.plan WHERE key = ?", (name,)
        ).fetchone()
        before = self.known(key)
        identity = (size, mtime_ns, config_sha256, model_sha256)
        is_same = before is not None and _failed_as_it_is(before, identity)
        shard = "" if self._keeper is None else self._keeper.name
        with self._writing():
            pages = self._record_pages(outcome, left_alone.split(), is_same=is_same)
            attempts = min(pages, default=0)
            if failure:
                attempts = 1 + (before.attempts if before and is_same else 0)
            status = "failed" if failure or pages else "done"
            row = (name, size, mtime_ns, outcome.sha256, config_sha256, model_sha256, status)
            self._db.execute(
                "INSERT OR REPLACE INTO pictures VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (*row, outcome.pages, attempts, self.run, *(failure or (None, None, None)), shard),
            )
            self._db.execute("DELETE FROM cut WHERE key = ?", (name,))
            if outcome.cut:
                self._db.execute("INSERT INTO cut VALUES (?, ?, ?)", (name, self.run, outcome.cut))
            self._unsettled.add(files)
            if self._keeper is not None:
                self._keeper.add(outcome, size, mtime_ns)
            if self._is_due():
                self.commit()

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._committed
        if self._keeper is None:
            return waited > COMMIT_SECONDS
        return self._keeper.is_full() or waited > SECONDS

    def _record_pages(
        self, outcome: Outcome, left_alone: Sequence[str], *, is_same: bool
    ) -> list[int]:
        """Record the failed pages; return the number of runs in which each has failed."""
        key = os.fsencode(outcome.key)
        known = {
            row[1]: row
            for row in self._db.execute("SELECT * FROM failed_pages WHERE key = ?", (key,))
        }
        rows = [known[page] for page in map(int, left_alone) if outcome.failure is None]
        for failed in outcome.failed_pages:
            attempts = known[failed.page][5] if is_same and failed.page in known else 0
            rows.append((key, *astuple(failed), attempts + 1, self.run))
        self._db.execute("DELETE FROM failed_pages WHERE key = ?", (key,))
        self._db.executemany("INSERT INTO failed_pages VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return [row[5] for row in rows]

    def failures(self) -> Iterator[Failure]:
        """Yield the failed pictures of the plan, also of earlier runs, sorted by path and page."""
        rows = self._rows(
            "SELECT key, NULL AS page, stage, error, message, attempts FROM pictures "
            "WHERE status = 'failed' AND stage NOTNULL AND key IN (SELECT key FROM temp.plan) "
            "UNION ALL SELECT key, page, stage, error, message, attempts FROM failed_pages "
            "WHERE key IN (SELECT key FROM temp.plan) ORDER BY key, page"
        )
        for key, page, *rest in rows:
            yield Failure(os.fsdecode(key), *rest, page=page)

    def failed_in_this_run(self) -> int:
        """Return how many pictures failed in this run, also before an interruption."""
        row = self._db.execute(
            "SELECT COUNT(*) FROM pictures WHERE status = 'failed' AND run = ?1 AND "
            "(stage NOTNULL OR key IN (SELECT key FROM failed_pages WHERE run = ?1))",
            (self.run,),
        ).fetchone()
        return int(row[0])

    def cut_in_this_run(self) -> tuple[int, int]:
        """Return how many pictures, and how many boxes, boxes.max has cut in this run."""
        row = self._db.execute(
            "SELECT COUNT(*), TOTAL(boxes) FROM cut WHERE run = ?", (self.run,)
        ).fetchone()
        return int(row[0]), int(row[1])


def _failed_as_it_is(known: Known, identity: tuple[int, int, str, str]) -> bool:
    same = (known.size, known.mtime_ns, known.config_sha256, known.model_sha256) == identity
    return same and known.status == "failed"
