"""What is known about every picture from one run to the next: one SQLite file, one writer.

Losing it loses nothing: workers recognise finished pictures by the hashes in their JSON.
What it says is durable, and so are the results that it says are done.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, Self

from ...stages.errors import ConfigError, OutputError
from ..output.atomic import Unsettled, output_errors
from ..output.failures import Failure
from ..sources.pictures import Picture
from ..sources.results import STATE_FOLDER
from ..workers.messages import Outcome

SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    key BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT, config_sha256 TEXT,
    model_sha256 TEXT, status TEXT, pages INTEGER, attempts INTEGER, run INTEGER,
    stage TEXT, error TEXT, message TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, finished INTEGER);
CREATE TABLE IF NOT EXISTS cut (key BLOB PRIMARY KEY, run INTEGER, boxes INTEGER) WITHOUT ROWID;
CREATE TEMP TABLE plan (
    key BLOB PRIMARY KEY, path BLOB, size INTEGER, mtime_ns INTEGER, todo INTEGER, reason TEXT,
    needs INTEGER DEFAULT 0
) WITHOUT ROWID;
"""
COMMIT_SECONDS = 1.0


@dataclass(frozen=True)
class Known:
    """What an earlier run, or an earlier part of this one, found out about a picture."""

    size: int
    mtime_ns: int
    config_sha256: str
    model_sha256: str
    status: Literal["done", "failed", "begun"]
    pages: int
    attempts: int
    run: int


@dataclass(frozen=True)
class Planned:
    """A picture, whether there is work to do, and why or why not."""

    picture: Picture
    size: int
    mtime_ns: int
    todo: bool
    reason: str


class State:
    """The state of one output folder. Use as a context manager; leaving it commits.

    Args:
        output: folder of the results.
        read_only: look at what is there without creating or changing anything.

    Attributes:
        run: number of this run.
        has_begun: whether `begin` was called, so that the plan is whole.
    """

    def __init__(self, output: Path, *, read_only: bool = False) -> None:
        self._file = output / STATE_FOLDER / "state.sqlite"
        self._db = self._open(read_only=read_only)
        self._cursors: list[sqlite3.Cursor] = []
        self._committed = time.monotonic()
        self._unsettled = Unsettled(output)
        self.run = self._current_run()
        self.has_begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # A query that is not read to its end keeps the file locked, even after the connection is closed.
        for cursor in self._cursors:
            cursor.close()
        with closing(self._db), suppress(sqlite3.OperationalError):
            self.commit()

    def commit(self) -> None:
        """Make results durable together; only then the state says that they are done.

        Raises:
            OutputError: the disk does not take them.
        """
        self._unsettled.settle()
        self._db.commit()
        self._committed = time.monotonic()

    def _rows(self, query: str, *parameters: object) -> sqlite3.Cursor:
        """The rows of a query that may be read in part."""
        self._cursors.append(self._db.execute(query, parameters))
        return self._cursors[-1]

    def _open(self, *, read_only: bool) -> sqlite3.Connection:
        if read_only and not self._file.exists():
            return _connect(":memory:")
        try:
            return self._connection(read_only=read_only)
        except sqlite3.DatabaseError as error:
            if read_only or isinstance(error, sqlite3.OperationalError):
                advice = "make the folder writable, free space on its disk, or remove this file"
                msg = f"{self._file}: {error}; {advice}"
                raise OutputError(msg) from error
            self._file.replace(self._file.with_suffix(".damaged"))
            return self._open(read_only=False)

    def _connection(self, *, read_only: bool) -> sqlite3.Connection:
        address = f"{self._file.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            return _connect(address)
        except sqlite3.OperationalError as error:
            # The last run was killed, and its journal is to be rolled back, or is of an older version.
            if not read_only or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise
            return _connect_to_copy(self._file)

    def _current_run(self) -> int:
        """A run that was killed or stopped goes on under its number, so it retries no failure."""
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

        What is there of a picture that is to be done again no longer counts: if this run is killed,
        a later one must not take the results of this config for those of the one before.

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
        self.has_begun = True

    def finish(self) -> None:
        """Note that the run has seen every picture; the next one may try failures again.

        Raises:
            OutputError: the disk is full.
        """
        with self._writing():
            self._db.execute("UPDATE runs SET finished = 1 WHERE run = ?", (self.run,))

    def known(self, key: str) -> Known | None:
        """What is known about a picture."""
        row = self._db.execute(
            "SELECT size, mtime_ns, config_sha256, model_sha256, status, pages, attempts, run "
            "FROM pictures WHERE key = ?",
            (os.fsencode(key),),
        ).fetchone()
        return Known(*row) if row else None

    def plan(self, planned: Planned) -> None:
        """Add a picture to the plan of this run.

        Raises:
            ConfigError: another picture with the same key is there, they would overwrite each other.
            OutputError: the disk of temporary files is full.
        """
        key, path = os.fsencode(planned.picture.key), os.fsencode(planned.picture.path)
        row = (key, path, planned.size, planned.mtime_ns, planned.todo, planned.reason)
        try:
            with self._writing():
                self._db.execute("INSERT INTO temp.plan VALUES (?, ?, ?, ?, ?, ?, 0)", row)
        except sqlite3.IntegrityError as error:
            msg = (
                f"input.path: {planned.picture.path} is listed twice, and both would be written to "
                f"{planned.picture.key}; list every picture once"
            )
            raise ConfigError(msg) from error

    def put_off(self, outcome: Outcome) -> None:
        """Keep a picture, which lacked memory, for workers that have as much as it needs."""
        row = outcome.needs, os.fsencode(outcome.key)
        with self._writing():
            self._db.execute("UPDATE temp.plan SET needs = ? WHERE key = ?", row)

    def put_off_so_far(self) -> tuple[int, int]:
        """How many pictures are put off, and the most bytes of memory that one needs."""
        row = self._db.execute("SELECT COUNT(*), MAX(needs) FROM temp.plan WHERE needs > 0")
        count, most = row.fetchone()
        return int(count), int(most or 0)

    def planned(
        self, *, todo: bool | None = None, limit: int | None = None, put_off: bool = False
    ) -> Iterator[Planned]:
        """The plan in the order of keys; only what is to do, only what is not, or all.

        With `put_off` there is only what was put off.
        """
        where = "" if todo is None else f"WHERE todo = {int(todo)}"
        where = "WHERE needs > 0" if put_off else where
        rows = self._rows(
            "SELECT key, path, size, mtime_ns, todo, reason FROM temp.plan "  # noqa: S608 - no input
            f"{where} ORDER BY key LIMIT ?",
            -1 if limit is None else limit,
        )
        for key, path, size, mtime_ns, is_todo, reason in rows:
            picture = Picture(os.fsdecode(key), os.fsdecode(path))
            yield Planned(picture, size, mtime_ns, bool(is_todo), reason)

    def count(self, *, todo: bool | None = None, limit: int | None = None) -> int:
        """How many pictures `planned` gives for the same arguments."""
        where = "" if todo is None else f"WHERE todo = {int(todo)}"
        query = f"SELECT COUNT(*) FROM (SELECT 1 FROM temp.plan {where} LIMIT ?)"  # noqa: S608 - no input
        return int(self._db.execute(query, (-1 if limit is None else limit,)).fetchone()[0])

    def left_alone(self) -> dict[str, int]:
        """How many planned pictures there is nothing to do for, by status, done or failed."""
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
        """Keep what became of a planned picture; its result files become durable before that does.

        Raises:
            OutputError: the disk is full.
        """
        key, failure = outcome.key, outcome.failure
        name = os.fsencode(key)
        size, mtime_ns = self._db.execute(
            "SELECT size, mtime_ns FROM temp.plan WHERE key = ?", (name,)
        ).fetchone()
        before = self.known(key)
        identity = (size, mtime_ns, config_sha256, model_sha256)
        attempts = _attempts(before, identity) + 1 if failure else 0
        status = "failed" if failure else "done"
        row = (name, size, mtime_ns, outcome.sha256, config_sha256, model_sha256, status)
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO pictures VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (*row, outcome.pages, attempts, self.run, *(failure or (None, None, None))),
            )
            self._db.execute("DELETE FROM cut WHERE key = ?", (name,))
            if outcome.cut:
                self._db.execute("INSERT INTO cut VALUES (?, ?, ?)", (name, self.run, outcome.cut))
            self._unsettled.add(files)
            if time.monotonic() - self._committed > COMMIT_SECONDS:
                self.commit()

    def failures(self) -> Iterator[Failure]:
        """The pictures of the plan that have failed, in this run or before, sorted by path."""
        rows = self._rows(
            "SELECT key, stage, error, message, attempts FROM pictures "
            "WHERE status = 'failed' AND key IN (SELECT key FROM temp.plan) ORDER BY key"
        )
        for key, *rest in rows:
            yield Failure(os.fsdecode(key), *rest)

    def failed_in_this_run(self) -> int:
        """How many pictures failed in this run, the part before an interruption included."""
        row = self._db.execute(
            "SELECT COUNT(*) FROM pictures WHERE status = 'failed' AND run = ?", (self.run,)
        ).fetchone()
        return int(row[0])

    def cut_in_this_run(self) -> tuple[int, int]:
        """How many pictures lost boxes to boxes.max in this run, interrupted or not, and how many boxes."""
        row = self._db.execute(
            "SELECT COUNT(*), TOTAL(boxes) FROM cut WHERE run = ?", (self.run,)
        ).fetchone()
        return int(row[0]), int(row[1])


def _attempts(known: Known | None, identity: tuple[int, int, str, str]) -> int:
    if known is None or known.status != "failed":
        return 0
    same = (known.size, known.mtime_ns, known.config_sha256, known.model_sha256) == identity
    return known.attempts if same else 0


def _connect_to_copy(file: Path) -> sqlite3.Connection:
    with TemporaryDirectory() as folder:  # an open file stays, its name goes
        for each in (file, file.with_name(f"{file.name}-journal")):
            with output_errors(Path(folder)), suppress(FileNotFoundError):
                shutil.copyfile(each, Path(folder, each.name))
        return _connect(Path(folder, file.name).as_uri())


def _connect(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(address, uri=True)
    # Durable as each commit ends. There is one per second, however many pictures it is about.
    db.execute("PRAGMA synchronous = EXTRA")
    db.executescript(SCHEMA)
    # It costs a twentieth of looking at the pictures themselves.
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        db.close()
        raise sqlite3.DatabaseError(found)
    return db
