"""What is known about pictures from run to run."""

import _sqlite3
import ctypes
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from locpipe.pipeline.output.failures import Failure
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.run.records import Known, Planned
from locpipe.pipeline.run.state import State
from locpipe.pipeline.sources.pictures import Picture
from locpipe.pipeline.workers.messages import Outcome
from locpipe.stages.errors import ConfigError, OutputError


@pytest.fixture
def output(tmp_path: Path) -> Path:
    prepare_output(tmp_path)
    return tmp_path


def planned(key: str, *, todo: bool = True, size: int = 10) -> Planned:
    return Planned(Picture(key, f"/pictures/{key}"), size, 20, todo, "new")


def failed(key: str) -> Outcome:
    return Outcome(key, "failed", failure=("load", "ImageError", "cut short"))


def record(state: State, outcome: Outcome, *, size: int = 10, config: str = "c") -> None:
    state.plan([planned(outcome.key, size=size)])
    state.record(outcome, config, "m")


def fail_in_a_run_of_its_own(output: Path, *, size: int = 10, config: str = "c") -> Known | None:
    with State(output) as state:
        state.begin()
        record(state, failed("a.jpg"), size=size, config=config)
        state.finish()
        return state.known("a.jpg")


def test_what_was_recorded_is_known_to_the_next_run(output: Path) -> None:
    with State(output) as state:
        state.begin()
        record(state, Outcome("a\udcff.tif", "done", sha256="s", pages=3))
        state.finish()
    with State(output) as state:
        assert state.known("a\udcff.tif") == Known(10, 20, "c", "m", "done", 3, 0, 1)
        assert state.known("other.tif") is None
        assert state.run == 2


def test_a_run_that_did_not_finish_goes_on_under_its_number(output: Path) -> None:
    with State(output) as state:
        state.begin()
    with State(output) as state:
        assert state.run == 1
        state.finish()


@pytest.mark.parametrize(("seconds", "is_kept"), [(0, True), (60, False)])
def test_a_run_that_is_killed_loses_the_last_second(
    output: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, *, is_kept: bool
) -> None:
    monkeypatch.setattr("locpipe.pipeline.run.state.COMMIT_SECONDS", seconds)
    with State(output) as state:
        state.begin()
        record(state, failed("a.jpg"))
        with State(output, read_only=True) as of_another:
            assert (of_another.known("a.jpg") is not None) == is_kept


def test_a_query_that_is_not_read_to_its_end_keeps_nothing_locked(output: Path) -> None:
    with State(output) as state:
        state.begin()
        record(state, failed("a.jpg"))
        record(state, failed("b.jpg"))
        in_part = [state.planned(), state.failures()]
        assert [next(rows) for rows in in_part]
    with closing(sqlite3.connect(output / ".locpipe" / "state.sqlite", timeout=0)) as another:
        another.execute("BEGIN EXCLUSIVE")


def test_boxes_that_were_cut_count_for_a_run_that_goes_on_and_no_later_one(output: Path) -> None:
    with State(output) as state:
        state.begin()
        record(state, Outcome("a.jpg", "done", cut=5))
    with State(output) as state:  # it was stopped
        record(state, Outcome("b.jpg", "done", cut=2))
        assert state.cut_in_this_run() == (2, 7)
        record(state, Outcome("a.jpg", "done"))
        assert state.cut_in_this_run() == (1, 2)
        state.finish()
    with State(output) as state:
        assert state.cut_in_this_run() == (0, 0)


def test_failures_of_an_unchanged_picture_add_up(output: Path) -> None:
    attempts = [fail_in_a_run_of_its_own(output) for _ in range(3)]
    assert [known and known.attempts for known in attempts] == [1, 2, 3]


@pytest.mark.parametrize("change", [{"size": 11}, {"config": "other"}])
def test_failures_of_a_changed_picture_count_from_one(output: Path, change: dict[str, int]) -> None:
    fail_in_a_run_of_its_own(output)
    known = fail_in_a_run_of_its_own(output, **change)  # type: ignore[arg-type]  # one or the other
    assert known is not None
    assert known.attempts == 1


def test_the_plan_comes_in_the_order_of_keys_all_or_in_part(output: Path) -> None:
    plan = [planned("c"), planned("a"), planned("b", todo=False), planned("d")]
    with State(output) as state:
        for each in plan:
            state.plan([each])
        assert [each.picture.key for each in state.planned()] == ["a", "b", "c", "d"]
        assert list(state.planned(todo=True, limit=2)) == [planned("a"), planned("c")]
        assert list(state.planned(todo=False)) == [planned("b", todo=False)]
        assert (state.count(), state.count(todo=True), state.count(todo=True, limit=2)) == (4, 3, 2)


def test_a_picture_that_is_listed_twice_is_told(output: Path) -> None:
    with State(output) as state:
        state.plan([planned("a.jpg")])
        with pytest.raises(ConfigError, match=r"/pictures/a.jpg is listed twice"):
            state.plan([planned("a.jpg")])


def test_failures_come_sorted_and_only_of_pictures_that_are_there(output: Path) -> None:
    with State(output) as state:
        for key in ("b", "gone", "a"):
            record(state, failed(key))
    with State(output) as state:
        state.plan([planned("a")])
        state.plan([planned("b", todo=False)])
        assert list(state.failures()) == [
            Failure("a", "load", "ImageError", "cut short", 1),
            Failure("b", "load", "ImageError", "cut short", 1),
        ]
        assert state.left_alone() == {"failed": 1}
        assert state.failed_in_this_run() == 3


def test_memory_does_not_grow_with_what_is_recorded(output: Path) -> None:
    # The file of Python's module leads to its SQLite; a Python that contains both has no such file.
    sqlite = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    sqlite.sqlite3_memory_used.restype = ctypes.c_int64
    used: list[int] = []
    with State(output) as state:
        state.plan([planned(f"{n:06}.jpg") for n in range(12_000)])
        state.begin()
        for n in range(12_000):
            state.record(Outcome(f"{n:06}.jpg", "done", sha256="s" * 64), "c" * 64, "m" * 64)
            if n % 6000 == 5999:
                state.commit()
                used.append(sqlite.sqlite3_memory_used())
    assert 0 < used[1] < used[0] + 2**16
    assert used[1] < 2**21


def test_a_damaged_state_is_put_aside(output: Path) -> None:
    (output / ".locpipe" / "state.sqlite").write_bytes(b"no database" * 1000)
    with State(output) as state:
        assert state.known("a.jpg") is None
    assert (output / ".locpipe" / "state.damaged").exists()


def test_a_state_that_is_damaged_inside_is_put_aside(output: Path) -> None:
    with State(output) as state:
        for number in range(500):
            record(state, Outcome(f"{number}.jpg", "done"))
    file = output / ".locpipe" / "state.sqlite"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(b"\xff" * 4096)
    with State(output) as state:
        assert state.known("0.jpg") is None
    assert (output / ".locpipe" / "state.damaged").exists()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow; the nearest to a full disk that any user can have."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_from_the_first_write_to_the_last(output: Path) -> None:
    with State(output) as state:
        with full_disk(), pytest.raises(OutputError, match=r"state.sqlite: .*; free space"):
            state.begin()
        state.begin()
        with full_disk(), pytest.raises(OutputError, match=r"state.sqlite: .*; free space"):
            state.finish()


def test_a_full_disk_of_temporary_files_is_told(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cramped(sqlite3.Connection):
        """A database whose temporary files are on a disk that is soon full."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA temp.max_page_count = 12")

    monkeypatch.setattr(sqlite3, "connect", Cramped)
    with State(output) as state:
        plan = [planned(f"{number}.jpg") for number in range(1000)]
        with pytest.raises(OutputError, match=r"disk is full; free space .* TMPDIR"):
            state.plan(plan)


def test_reading_only_creates_and_changes_nothing(tmp_path: Path, output: Path) -> None:
    with State(tmp_path / "nowhere", read_only=True) as state:
        state.plan([planned("a.jpg")])
        assert state.count() == 1
    assert not (tmp_path / "nowhere").exists()
    with State(output) as state:
        state.begin()
    with State(output, read_only=True) as state, pytest.raises(OutputError, match="readonly"):
        state.finish()


def test_the_state_of_a_killed_run_is_read_and_left_as_it_is(output: Path) -> None:
    with State(output) as state:
        state.begin()
        record(state, failed("a.jpg"))
    killed = f"""
import os, sqlite3
db = sqlite3.connect({str(output / ".locpipe" / "state.sqlite")!r})
db.execute("PRAGMA cache_size = 1")  # so that the file is written to before it is committed
for number in range(1000):
    db.execute("INSERT INTO runs VALUES (?, ?)", (number + 2, "x" * 1000))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    folder = output / ".locpipe"
    before = {file.name: file.read_bytes() for file in folder.glob("state*")}
    assert len(before) == 2  # with a journal to roll back
    for _ in range(2):
        with State(output, read_only=True) as state:
            state.plan([planned("b.jpg")])
            assert (state.run, state.count()) == (1, 1)
            assert state.known("a.jpg") is not None
    assert {file.name: file.read_bytes() for file in folder.glob("state*")} == before


def test_the_state_of_an_older_version_is_read(output: Path) -> None:
    with State(output) as state:
        record(state, failed("a.jpg"))
    with closing(sqlite3.connect(output / ".locpipe" / "state.sqlite")) as older:
        older.execute("DROP TABLE cut")
    with State(output, read_only=True) as state:
        assert state.known("a.jpg") is not None


def test_a_damaged_state_is_left_where_it_is_by_who_only_reads(output: Path) -> None:
    file = output / ".locpipe" / "state.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError, match=r"state.sqlite: .*or remove this file"):
        State(output, read_only=True)
    assert file.read_bytes() == b"no database" * 1000


def test_a_state_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"state.sqlite: unable to open.*; make the folder"):
        State(tmp_path / "nowhere")
