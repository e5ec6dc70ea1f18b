"""`locpipe fetch`: copies a run in a bucket to a folder, for commands that need one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from ...stages.errors import ConfigError
from ..output.atomic import output_errors, replacing
from ..output.failures import FAILURES
from ..output.layout import KINDS, SHARDS, prepare_output, sweep
from ..output.lock import LockedError, is_locked, locked
from ..output.parts import PARTS, parts_begun
from ..sources.results import RUN_REPORT, STATE_FOLDER
from ..storage.buckets import Found, listed
from ..storage.objects import brought
from ..storage.urls import RemotePath, located
from .state import state_file

_AT_ONCE: Final = 16
_ROWS: Final = 1000
_RESULTS: Final = (*KINDS, SHARDS)
_FILES: Final = (RUN_REPORT, FAILURES, str(state_file(Path())))


def fetch(output: RemotePath, folder: Path) -> dict[str, int]:
    """Copy a run to a folder. Existing files stay; results that are gone in the bucket are removed.

    Args:
        output: the output of the run, in a bucket.
        folder: the folder, made if it is missing. Only results of runs in it are touched.

    Returns:
        How many files were `copied`, `kept` and `removed`.

    Raises:
        ConfigError: there is no run, or the bucket cannot be read.
        LockedError: the run is at work, or the folder is in use.
        OutputError: the folder cannot be written.
    """
    for desk in (output, *(part.desk(output) for part in parts_begun(output))):
        if is_locked(desk):
            msg = f"{output}: a run is at work there; wait for it, and look with: locpipe status {output}"
            raise LockedError(msg)
    prepare_output(folder)
    with locked(folder), closing(sqlite3.connect("")) as db:
        sweep(folder)
        db.execute("CREATE TABLE there (name BLOB PRIMARY KEY) WITHOUT ROWID")
        counts = {"copied": 0, "kept": 0, "removed": 0}
        found = _found(output, db)
        last: list[Found] = []  # run.json comes last: if it is there, the rest is
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while some := list(islice(found, _ROWS)):
                last += [each for each in some if _name(output, each) == RUN_REPORT]
                rest = [each for each in some if _name(output, each) != RUN_REPORT]
                for word in pool.map(partial(_copy, output, folder), rest):
                    counts[word] += 1
        if not sum(counts.values()):
            msg = f"{output}: is not the output of a run; check its name, or run something into it"
            raise ConfigError(msg)
        counts["removed"] = _remove_others(folder, db)
        for each in last:
            counts[_copy(output, folder, each)] += 1
    return counts


def _name(output: RemotePath, found: Found) -> str:
    return found.url[len(str(output)) + 1 :]


def _found(output: RemotePath, db: sqlite3.Connection) -> Iterator[Found]:
    """Yield the objects of a run, and note their names."""
    for found in listed(output):
        name = _name(output, found)
        top, *below = name.split("/")
        of_part = (top, *below[:1]) == (STATE_FOLDER, PARTS) and name.endswith(_FILES)
        if top in _RESULTS or name in _FILES or of_part:
            db.execute("INSERT OR IGNORE INTO there VALUES (?)", (os.fsencode(name),))
            yield found


def _copy(output: RemotePath, folder: Path, found: Found) -> str:
    """Copy an object unless a file of its size and time exists; return `copied` or `kept`."""
    file = folder / _name(output, found)
    with output_errors(folder):
        if file.is_file():
            status = file.stat()
            if (status.st_size, status.st_mtime_ns) == found.size_and_time:
                return "kept"
        with replacing(folder, file) as temporary:
            brought(RemotePath(located(found.url)), temporary)
            os.utime(temporary, ns=(found.mtime_ns, found.mtime_ns))
    return "copied"


def _remove_others(folder: Path, db: sqlite3.Connection) -> int:
    """Remove results that are no longer in the bucket."""
    removed = 0
    for kind in _RESULTS:
        for parent, _, files in os.walk(folder / kind):
            for file in (Path(parent, name) for name in files):
                name = os.fsencode(file.relative_to(folder))
                if not db.execute("SELECT 1 FROM there WHERE name = ?", (name,)).fetchone():
                    with output_errors(folder):
                        file.unlink()
                    removed += 1
    return removed
