"""Results in buckets, on a real S3 server on loopback: whole or absent, gone on with, and taken for their own."""

import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import obstore
import pytest
from bucket_fixtures import (
    ODD,
    Machine,
    at_server,
    counts,
    machine,
    photos,
    png,
    proxy,
    run,
    server,
)
from bucket_server import KEY, SECRET, BucketServer
from click.testing import CliRunner
from obstore.store import S3Store
from PIL import Image
from troubled import Proxy

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.output import bucket_lock
from locpipe.pipeline.output.lock import LockedError
from locpipe.pipeline.storage import buckets
from locpipe.stages.errors import ConfigError, OutputError

__all__ = ["at_server", "machine", "photos", "proxy", "server"]
SHARDS = ("output.layout=shards", "output.overlays=false")


def results(store: S3Store, folder: str) -> dict[str, bytes]:
    """The objects of an output, without what differs from run to run."""
    names = [each["path"] for some in obstore.list(store, folder) for each in some]
    found = {name: bytes(obstore.get(store, name).bytes()) for name in names}
    short = {name.removeprefix(f"{folder}/"): content for name, content in found.items()}
    return {
        name: content
        for name, content in short.items()
        if name != "run.json" and not name.startswith(".locpipe")
    }


@pytest.mark.parametrize("layout", [(), SHARDS], ids=["files", "shards"])
def test_results_are_those_of_a_disk_and_are_made_once(
    layout: tuple[str, ...],
    at_server: BucketServer,
    photos: Path,
    tmp_path: Path,
    tree: Any,
    machine: Machine,
) -> None:
    bucket = f"made-{len(layout)}"
    store, place = at_server.make(bucket), f"s3://{bucket}/out"
    report = run(photos, place, *layout)
    assert counts(report) == {"found": 3, "done": 3}
    assert report["config"]["output"]["path"] == place
    run(photos, tmp_path / "disk", *layout)
    assert results(store, "out") == tree(tmp_path / "disk")
    assert counts(run(photos, place, *layout)) == {"found": 3, "up_to_date": 3}
    machine()
    (photos / "new.png").write_bytes(png(140))
    assert counts(run(photos, place, *layout)) == {"found": 4, "up_to_date": 3, "done": 1}
    machine()
    obstore.delete(store, "out/.locpipe/state.sqlite")
    again = run(photos, place, *layout)  # told by listing, and by what is in it
    assert again["counts"]["kept"] + again["counts"]["up_to_date"] == 4
    run(photos, tmp_path / "disk", *layout)
    assert results(store, "out") == tree(tmp_path / "disk")


def test_what_is_gone_is_made_again_and_what_is_torn_too(
    at_server: BucketServer, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = at_server.make("gone")
    run(photos, "s3://gone/files")
    whole = results(store, "files")
    obstore.delete(store, "files/masks/a.png.png")
    assert counts(run(photos, "s3://gone/files")) == {"found": 3, "up_to_date": 2, "done": 1}
    assert results(store, "files") == whole
    run(photos, "s3://gone/shards", *SHARDS)
    obstore.put(store, "shards/shards/000001.parquet", b"torn")
    assert counts(run(photos, "s3://gone/shards", *SHARDS)) == {"found": 3, "done": 3}
    assert "s3://gone/shards/shards/000001.parquet: is torn; its 3 pictures" in caplog.text
    assert set(results(store, "shards/shards")) == {"000001.torn", "000002.parquet"}


def test_the_box_json_comes_last_and_goes_first(
    server: BucketServer, proxy: Proxy, photos: Path, tmp_path: Path, tree: Any
) -> None:
    store = server.make("order")
    asked: list[tuple[str, str]] = []
    proxy.trouble = lambda method, path: asked.append((method, path.partition("?")[0]))
    run(photos, "s3://order", "output.heatmaps=true")
    puts = [path for method, path in asked if method == "PUT" and "a.png" in path]
    assert puts == [f"/order/{kind}/a.png{end}" for kind, end in (("masks", ".png"), ("overlays", ".jpg"), ("heatmaps", ".png"), ("boxes", ".json"))]  # fmt: skip
    asked.clear()
    report = run(photos, "s3://order", "output.heatmaps=true", "threshold.value=0.9")
    assert counts(report) == {"found": 3, "done": 3}
    a = [method for method, path in asked if "a.png" in path or method in {"POST", "DELETE"}]
    assert a[:3] == ["GET", "POST", "PUT"]  # the old JSON was read and removed before
    run(photos, tmp_path / "disk", "output.heatmaps=true", "threshold.value=0.9")
    assert results(store, "") == tree(tmp_path / "disk")


def test_pages_that_are_gone_and_pictures_that_fail_leave_nothing(
    at_server: BucketServer, tmp_path: Path
) -> None:
    store, folder = at_server.make("pages"), tmp_path / "in"
    folder.mkdir()
    pages = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (1, 100, 200)]
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:])
    (folder / "b.png").write_bytes(png(5))
    run(folder, "s3://pages/out")
    assert len(results(store, "out/boxes")) == 4
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:2])
    (folder / "b.png").write_bytes(b"no picture any more")
    assert counts(run(folder, "s3://pages/out")) == {"found": 2, "done": 1, "failed": 1}
    assert set(results(store, "out/boxes")) == {"a.tif.json", "a.tif.page-2.json"}
    assert {name.split(".")[0] for name in results(store, "out/masks")} == {"a"}
    (failure,) = map(json.loads, results(store, "out")["failures.jsonl"].splitlines())
    assert failure["path"] == "b.png"


def test_a_run_that_is_killed_goes_on_at_once(
    server: BucketServer, proxy: Proxy, tmp_path: Path, start_locpipe: Any, tree: Any
) -> None:
    store, folder = server.make("killed"), tmp_path / "in"
    folder.mkdir()
    for shade in range(8):
        (folder / f"{shade}.png").write_bytes(png(20 * shade))
    proxy.delay = 0.05
    process = start_locpipe("run", "digits", "--input", folder, "--workers", "0", "--output", "s3://killed/out")  # fmt: skip
    while len(results(store, "out/boxes")) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    with pytest.raises(LockedError, match="another run is at work here"):
        run(folder, "s3://killed/out")
    assert told("status", "s3://killed/out").startswith("running: ")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    proxy.delay = 0.0
    report = run(folder, "s3://killed/out")  # not after the lock has expired: this machine made it
    assert report["counts"]["done"] + report["counts"]["kept"] + report["counts"]["up_to_date"] == 8
    assert report["counts"]["done"] <= 6
    run(folder, tmp_path / "disk")
    assert results(store, "out") == tree(tmp_path / "disk")
    assert told("status", "s3://killed/out").startswith("finished: ")


def told(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_another_machine_waits_until_the_lock_has_expired(
    at_server: BucketServer,
    photos: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = at_server.make("expired")
    obstore.put(store, "out/.locpipe/lock", b'{"machine": "another", "run": "dead"}')
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 1e6)  # the clock of this machine jumps
    with pytest.raises(
        LockedError, match="lock of a run that was killed elsewhere ends after 180 s"
    ):
        run(photos, "s3://expired/out")
    machine()
    monkeypatch.setattr(bucket_lock, "EXPIRY_SECONDS", 0.5)
    time.sleep(2)  # the server tells whole seconds
    assert counts(run(photos, "s3://expired/out")) == {"found": 3, "done": 3}
    assert "the lock of a run that was killed is taken over" in caplog.text
    assert not [name for name in names(store, "out/.locpipe") if "state" not in name]


def names(store: S3Store, folder: str) -> list[str]:
    return [each["path"] for some in obstore.list(store, folder) for each in some]


def test_a_run_whose_lock_was_taken_ends_and_says_nothing_more(
    server: BucketServer, proxy: Proxy, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.make("taken")
    monkeypatch.setattr(bucket_lock, "BEAT_SECONDS", 0.05)

    def take(method: str, path: str) -> None:
        if method == "PUT" and "/boxes/" in path:
            obstore.put(store, "out/.locpipe/lock", b'{"machine": "another", "run": "alive"}')
            obstore.put(store, "out/run.json", b"of the other")
            time.sleep(0.3)

    proxy.trouble = take
    with pytest.raises(LockedError, match="another run may have taken the lock"):
        run(photos, "s3://taken/out")
    assert bytes(obstore.get(store, "out/run.json").bytes()) == b"of the other"
    assert b"alive" in bytes(obstore.get(store, "out/.locpipe/lock").bytes())


def test_storms_and_cut_connections_cost_nothing(
    server: BucketServer, proxy: Proxy, photos: Path, tmp_path: Path, tree: Any
) -> None:
    store, asked = server.make("storm"), iter(range(10_000))
    proxy.trouble = lambda *_: ("503", None, "reset", None)[next(asked) % 4]
    assert counts(run(photos, "s3://storm/out")) == {"found": 3, "done": 3}
    proxy.trouble = lambda *_: None
    run(photos, tmp_path / "disk")
    assert results(store, "out") == tree(tmp_path / "disk")


@pytest.mark.parametrize("code", ["403 Forbidden", "500 Internal"])
def test_a_bucket_that_refuses_later_ends_the_run(
    code: str,
    server: BucketServer,
    proxy: Proxy,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = f"later-{code[:3]}"
    server.make(bucket)
    monkeypatch.setattr(buckets, "TRIES", {**buckets.TRIES, "max_retries": 1})
    answer = f"HTTP/1.1 {code}\r\nContent-Length: 0\r\n\r\n".encode()
    proxy.trouble = lambda method, path: answer if "/masks/" in path and method == "PUT" else None
    with pytest.raises(OutputError, match=rf"s3://{bucket}/out/masks/a.png.png': .* \({code[:3]}"):
        run(photos, f"s3://{bucket}/out")


def test_an_output_that_cannot_be_is_told_at_once(
    at_server: BucketServer, photos: Path, proxy: Proxy
) -> None:
    with pytest.raises(ConfigError, match="there is no bucket 'nowhere'; check its name"):
        run(photos, "s3://nowhere/out")
    with pytest.raises(ConfigError, match="should name a bucket, as s3://BUCKET/FOLDER"):
        run(photos, "s3://")
    with pytest.raises(ConfigError, match="should lie on a disk or in a bucket"):
        run(photos, "https://example.org/out")
    with pytest.raises(ConfigError, match=r"is in the memory of one process; set run\.workers=0"):
        run(photos, "memory://b/out", "run.workers=1")
    with pytest.raises(
        ConfigError, match=r"set output.exports=\[\], and later type: locpipe fetch"
    ):
        run(photos, "s3://nowhere/out", "output.exports=[coco]")
    at_server.put("both", {"in/a.png": png(1)})
    with pytest.raises(ConfigError, match=r"is also input\.path"):
        run("s3://both/in", "s3://both/in")
    proxy.trouble = lambda method, _: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" if method == "PUT" else None  # fmt: skip
    with pytest.raises(ConfigError, match=r"may not be written \(403\); ask for the right .* AWS_"):
        run(photos, "s3://both/out")


def test_odd_names_and_those_that_no_bucket_takes(
    at_server: BucketServer, tmp_path: Path, tree: Any
) -> None:
    store, folder = at_server.make("odd-names"), tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(ODD):
        (folder / name).write_bytes(png(number))
    run(folder, tmp_path / "disk")
    for name in ("a\nb.png", os.fsdecode(b"\xff.png")):
        (folder / name).write_bytes(png(1))
    report = run(folder, "s3://odd-names/out")
    assert counts(report) == {"found": 10, "done": 8, "failed": 2}
    found = results(store, "out")
    failures = [json.loads(line)["message"] for line in found.pop("failures.jsonl").splitlines()]
    assert all("has a name that is no path, or too long; rename" in text for text in failures)
    expected = tree(tmp_path / "disk")
    expected.pop("failures.jsonl")
    assert found == expected


def test_results_beside_their_pictures_are_no_pictures(at_server: BucketServer) -> None:
    at_server.put("beside", {"in/a.png": png(1), "in/b.png": png(2)})
    assert counts(run("s3://beside/in", "s3://beside/in/out")) == {"found": 2, "done": 2}
    again = run("s3://beside/in", "s3://beside/in/out")
    assert counts(again) == {"found": 2, "up_to_date": 2}
    assert again["results_passed_over"] == ["s3://beside/in/out"]


def test_memory_works_too(photos: Path) -> None:
    assert counts(run(photos, "memory://kept/out")) == {"found": 3, "done": 3}
    assert counts(run(photos, "memory://kept/out")) == {"found": 3, "up_to_date": 3}


def test_no_secret_is_in_a_bucket_or_said(
    at_server: BucketServer, photos: Path, tmp_path: Path, locpipe: Any
) -> None:
    store = at_server.make("secrets")
    done = locpipe("run", "digits", "--input", photos, "--output", "s3://secrets/out", "--workers", "1", "-v")  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = [file.read_bytes() for file in tmp_path.glob("machine-*/**/*") if file.is_file()]
    written = [bytes(obstore.get(store, name).bytes()) for name in names(store, "")] + kept
    words = set(re.findall(r"\w+", done.stdout + done.stderr))
    assert not {SECRET, KEY} & words
    assert not any(SECRET.encode() in content or KEY.encode() in content for content in written)
    assert "s3://secrets/out" in done.stderr


def test_a_worker_goes_on_while_its_results_are_put(
    server: BucketServer, proxy: Proxy, tmp_path: Path
) -> None:
    server.make("beside-work")
    (tmp_path / "in").mkdir()
    for shade in range(3):
        (tmp_path / "in" / f"{shade}.png").write_bytes(png(40 * shade))
    begun: list[str] = []
    another = threading.Event()
    in_time: list[bool] = []

    def wait_for_another(method: str, path: str) -> None:
        if method == "PUT" and "/masks/" in path:
            begun.append(path)
            if len(begun) == 2:
                another.set()
            in_time.append(another.wait(20))

    proxy.trouble = wait_for_another
    run(tmp_path / "in", "s3://beside-work/out")
    assert in_time == [True] * 3
