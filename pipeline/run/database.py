"""The SQLite file of a state: it is opened, made, copied, or put aside if damaged."""

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ...stages.errors import OutputError
from ..output.atomic import output_errors

SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    key BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT, config_sha256 TEXT,
    model_sha256 TEXT, status TEXT, pages INTEGER, attempts INTEGER, run INTEGER,
    stage TEXT, error TEXT, message TEXT, shard TEXT DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (
    name TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, pictures INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, finished INTEGER);
CREATE TABLE IF NOT EXISTS cut (key BLOB PRIMARY KEY, run INTEGER, boxes INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed_pages (
    key BLOB, page INTEGER, stage TEXT, error TEXT, message TEXT, attempts INTEGER, run INTEGER,
    PRIMARY KEY (key, page)
) WITHOUT ROWID;
CREATE TEMP TABLE plan (
    key BLOB PRIMARY KEY, path BLOB, size INTEGER, mtime_ns INTEGER, todo INTEGER, reason TEXT,
    pages INTEGER, left_alone TEXT, needs INTEGER DEFAULT 0
) WITHOUT ROWID;
"""


def open_database(file: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open a state; if it is missing or damaged, a new one is made.

    Args:
        file: the file of the state.
        read_only: change nothing; a missing state is empty and in memory.

    Raises:
        OutputError: the file cannot be read or written.
    """
    if read_only and not file.exists():
        return _connect(":memory:")
    try:
        return _connection(file, read_only=read_only)
    except sqlite3.DatabaseError as error:
        if read_only or isinstance(error, sqlite3.OperationalError):
            advice = "make the folder writable, free space on its disk, or remove this file"
            msg = f"{file}: {error}; {advice}"
            raise OutputError(msg) from error
        file.replace(file.with_suffix(".damaged"))
        return open_database(file, read_only=False)


def _connection(file: Path, *, read_only: bool) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    try:
        return _connect(address)
    except sqlite3.OperationalError as error:
        # The last run was killed and its journal must be rolled back, or the file is of an older
        # version.
        if not read_only or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        return _connect_to_copy(file)


def _connect_to_copy(file: Path) -> sqlite3.Connection:
    with TemporaryDirectory() as folder:  # the file stays open, only its name is removed
        for each in (file, file.with_name(f"{file.name}-journal")):
            with output_errors(Path(folder)), suppress(FileNotFoundError):
                shutil.copyfile(each, Path(folder, each.name))
        return _connect(Path(folder, file.name).as_uri())


def _connect(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(address, uri=True)
    try:
        _set_up(db)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _set_up(db: sqlite3.Connection) -> None:
    # Each commit is durable when it ends. There is one per second, for any number of pictures.
    db.execute("PRAGMA synchronous = EXTRA")
    db.executescript(SCHEMA)
    with suppress(sqlite3.OperationalError):  # the column exists, but not in states before 0.3
        db.execute("ALTER TABLE pictures ADD COLUMN shard TEXT DEFAULT ''")
    # This costs a twentieth of the time of looking at the pictures.
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
