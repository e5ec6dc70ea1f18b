"""The lock of an output in a bucket, on the store of obstore that is in memory and keeps conditions."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import obstore
import pytest

from locpipe.pipeline.output import bucket_lock
from locpipe.pipeline.output.bucket_lock import HeldLock, is_held, lock_object
from locpipe.pipeline.output.lock import LockedError, locked
from locpipe.pipeline.storage.buckets import memory_of
from locpipe.pipeline.storage.objects import content_of, put
from locpipe.pipeline.storage.urls import RemotePath, located


@pytest.fixture
def output(request: pytest.FixtureRequest) -> RemotePath:
    place = located(f"memory://{request.node.name}/out")
    assert isinstance(place, RemotePath)
    return place


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_lock, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(bucket_lock, "EXPIRY_SECONDS", 0.6)


@pytest.fixture
def held(output: RemotePath) -> Iterator[HeldLock]:
    with ExitStack() as ending:
        lock = HeldLock(output, "first")
        assert lock.take(0)
        ending.callback(lock.release)
        yield lock


def left_behind(output: RemotePath, machine: str = "another") -> None:
    """Leave the lock of a run that was killed."""
    put(lock_object(output), json.dumps({"machine": machine, "run": "dead"}).encode())


def test_one_of_many_who_ask_gets_it(output: RemotePath) -> None:
    locks = [HeldLock(output, f"machine {number}") for number in range(8)]
    got = []
    threads = [threading.Thread(target=lambda lock=lock: got.append(lock.take(0))) for lock in locks]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]
    assert is_held(output)
    for lock, has in zip(locks, [lock._thread.is_alive() for lock in locks], strict=True):
        if has:
            lock.release()
    assert not is_held(output)
    assert [each["path"] for some in obstore.list(memory_of(output.parts[1])) for each in some] == []  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_one_that_beats_is_never_taken(output: RemotePath, held: HeldLock) -> None:
    assert not HeldLock(output, "second").take(1.0)
    assert not held.is_lost


@pytest.mark.usefixtures("quick")
def test_one_that_does_not_is_taken_by_one(output: RemotePath) -> None:
    left_behind(output)
    assert not HeldLock(output, "first").take(0)
    time.sleep(0.7)
    got = [lock for lock in (HeldLock(output, "first"), HeldLock(output, "second")) if lock.take(0)]
    assert len(got) == 1
    got[0].release()


@pytest.mark.parametrize("jump", [1e6, -1e6])
def test_a_clock_that_jumps_here_takes_nothing(
    jump: float, output: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(output)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert not HeldLock(output, "first").take(0)


def test_that_of_this_machine_is_taken_at_once_for_its_run_is_dead(output: RemotePath) -> None:
    left_behind(output, "this one")
    lock = HeldLock(output, "this one")
    assert lock.take(0)
    lock.release()


def test_an_answer_that_was_lost_is_no_other_run(output: RemotePath) -> None:
    lock = HeldLock(output, "first")
    put(lock_object(output), json.dumps(lock._who).encode())  # it got there, and nobody said so
    assert lock.take(0)
    lock.release()


@pytest.mark.usefixtures("quick")
def test_one_that_was_taken_is_known_to_be_lost_and_left_alone(
    output: RemotePath, held: HeldLock
) -> None:
    left_behind(output)
    time.sleep(0.3)
    assert held.is_lost
    held.release()
    content = content_of(lock_object(output))
    assert content is not None
    assert b"dead" in content.data


@pytest.mark.usefixtures("quick")
def test_nonsense_in_its_place_expires_like_a_lock(output: RemotePath) -> None:
    put(lock_object(output), b"[]")
    lock = HeldLock(output, "first")
    assert not lock.take(0)
    time.sleep(0.7)
    assert lock.take(0)
    lock.release()


def test_two_runs_of_one_machine_exclude_each_other(
    output: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with locked(output), pytest.raises(LockedError, match="another run is at work here; wait"):
        locked(output).__enter__()
    with locked(output):
        pass
