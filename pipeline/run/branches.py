"""The state of a part: copied from that of the output, and merged back into it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ...stages.errors import OutputError
from ..output.parts import InputPart
from .database import open_database
from .state import state_file

_TABLES: Final = ("pictures", "cut", "failed_pages")


def branch(of_output: Path, desk: Path, part: InputPart) -> None:
    """Copy what the output's state knows of a part's pictures into the state of a new part.

    Args:
        of_output: file of the state of the output, which may be missing.
        desk: desk of the part.
        part: the part.

    Raises:
        OutputError: a state cannot be read or written.
    """
    if not of_output.exists():
        return
    with _attached(state_file(desk), of_output) as db:
        if db.execute("SELECT 1 FROM runs").fetchone():
            return
        db.create_function("is_mine", 1, lambda key: os.fsdecode(key) in part, deterministic=True)
        for table in _TABLES:
            db.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table} WHERE is_mine(key)")  # noqa: S608 - no input  # fmt: skip
        db.execute("INSERT INTO main.runs SELECT run, 1 FROM other.runs")


def join(output: Path, part: InputPart) -> None:
    """Copy what a part knows of its pictures into the state of the output; it may be repeated.

    Raises:
        OutputError: a state cannot be read or written.
    """
    with _attached(state_file(output), state_file(part.desk(output))) as db:
        for table in _TABLES:
            db.execute(f"DELETE FROM main.{table} WHERE key IN (SELECT key FROM other.pictures)")  # noqa: S608 - no input
            db.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table}")  # noqa: S608 - no input
        for table in ("runs", "shards"):
            db.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table}")  # noqa: S608 - no input


@contextmanager
def _attached(file: Path, other: Path) -> Iterator[sqlite3.Connection]:
    """Open a state with another one as `other`; the block is one transaction."""
    with closing(open_database(file, read_only=False)) as db:
        try:
            with db:  # commits
                db.execute("ATTACH ? AS other", (f"{other.absolute().as_uri()}?mode=rw",))
                db.execute("BEGIN")
                yield db
        except sqlite3.DatabaseError as error:
            msg = f"{other}: {error}; free space on its disk, or remove this file"
            raise OutputError(msg) from error
