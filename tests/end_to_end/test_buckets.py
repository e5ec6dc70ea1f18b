"""Pictures in buckets, from a real S3 server on loopback, and through a proxy that makes trouble."""

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import obstore
import pytest
from bucket_fixtures import ODD, at_server, boxes, counts, png, proxy, run, server
from bucket_server import KEY, SECRET, BucketServer
from troubled import Proxy, Trouble

from locpipe.pipeline.output.fetch import Fetched
from locpipe.pipeline.storage import buckets
from locpipe.pipeline.storage.urls import RemotePath, located
from locpipe.stages.clock import Clock
from locpipe.stages.errors import ConfigError

__all__ = ["at_server", "proxy", "server"]


def failures(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "failures.jsonl").read_text().splitlines()]


def test_a_folder_of_a_bucket_is_run_once_and_then_again_what_has_changed(
    at_server: BucketServer, tmp_path: Path
) -> None:
    odd = {f"in/sub/{name}": png(number) for number, name in enumerate(ODD)}
    store = at_server.put("folder", {**odd, "in/read.me": b"x", "in/.h/a.png": png(1), "in/..a.png": png(1), "inside.png": png(1)})  # fmt: skip
    assert counts(run("s3://folder/in", tmp_path)) == {"found": 8, "ignored": 3, "done": 8}
    assert boxes(tmp_path) == {f"sub/{name}" for name in ODD}
    obstore.put(store, "in/sub/a b.png", png(77))  # as long as it was, and later
    obstore.put(store, "in/sub/new.png", png(78))
    again = run("s3://folder/in/", tmp_path)
    assert counts(again) == {"found": 9, "ignored": 3, "done": 2, "up_to_date": 7}
    assert again["root"] == "s3://folder/in"


def test_results_are_those_of_the_same_pictures_on_a_disk(
    at_server: BucketServer, tmp_path: Path, tree: Any
) -> None:
    (tmp_path / "in").mkdir()
    content = {f"{shade}.png": png(shade) for shade in (10, 200)}
    for name, data in content.items():
        (tmp_path / "in" / name).write_bytes(data)
    at_server.put("same", content)
    run("s3://same", tmp_path / "of-bucket")
    run(tmp_path / "in", tmp_path / "of-disk")
    assert tree(tmp_path / "of-bucket") == tree(tmp_path / "of-disk")


def test_a_picture_is_asked_for_once(server: BucketServer, proxy: Proxy, tmp_path: Path) -> None:
    server.put("once", {f"{shade}.png": png(shade) for shade in range(3)})
    asked: Counter[str] = Counter()
    proxy.trouble = lambda method, path: asked.update([f"{method} {path.partition('?')[0]}"])
    run("s3://once", tmp_path)
    pictures = {name: count for name, count in asked.items() if name.endswith(".png")}
    assert pictures == {f"GET /once/{shade}.png": 1 for shade in range(3)}


def test_pictures_of_a_group_are_fetched_before_they_are_asked_for(
    server: BucketServer, proxy: Proxy, tmp_path: Path
) -> None:
    server.put("group", {f"{number}.png": png(number) for number in range(8)})
    proxy.delay = 0.1
    places = [f"s3://group/{number}.png" for number in range(8)]
    clock = Clock()
    with Fetched([*places, "/a/disk.png"], tmp_path) as fetched:
        for number, place in enumerate(places[:6]):
            with fetched.at_hand(place, clock) as file:
                assert file.read_bytes() == png(number)
        with fetched.at_hand("/a/disk.png", clock) as file:
            assert file == Path("/a/disk.png")
    assert proxy.most > 1
    assert proxy.seen["GET"] <= 8
    assert list(tmp_path.iterdir()) == []


def test_one_picture_and_a_list_of_pictures(at_server: BucketServer, tmp_path: Path) -> None:
    at_server.put("one", {"a/x.png": png(1), "a/b/y#.png": png(2)})
    run("s3://one/a/x.png", tmp_path / "one")
    assert boxes(tmp_path / "one") == {"x.png"}
    names = tmp_path / "list.jsonl"
    names.write_text('"s3://one/a/x.png"\n{"path": "s3://one/a/b/y#.png"}\n"s3://one/a/no.png"\n')
    with pytest.raises(ConfigError, match=r"set input\.root=s3://one/a, or a folder above"):
        run(names, tmp_path / "list")
    report = run(names, tmp_path / "list", "input.root=s3://one/a")
    assert counts(report) == {"found": 3, "done": 2, "failed": 1}
    assert boxes(tmp_path / "list") == {"x.png", "b/y#.png"}
    (failure,) = failures(tmp_path / "list")
    assert failure["path"] == "no.png"
    assert failure["message"].startswith("'s3://one/a/no.png': does not exist; check its name")
    assert counts(run(names, tmp_path / "list", "input.root=s3://one/a"))["up_to_date"] == 2


def test_full_folders_are_listed_beside_each_other(
    server: BucketServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "_LISTED", 4)  # names that a full page has
    folders = ("a", "b/c", "b/c/d", "b/e", "f")
    names = {f"in/{folder}/{number:02}.png" for folder in folders for number in range(9)}
    names |= {"in/0.png", "in/a0", "in/z.png", "inside/no.png"}
    server.put("wide", dict.fromkeys(sorted(names), b""))
    proxy.delay = 0.05
    for folder, wanted in {"s3://wide/in": names - {"inside/no.png"}, "s3://wide": names}.items():
        place = located(folder)
        assert isinstance(place, RemotePath)
        found = [each.url.removeprefix("s3://wide/") for each in buckets.listed(place)]
        assert sorted(found) == sorted(wanted)
    assert proxy.most > 1


def test_a_prefix_that_is_a_picture_too(at_server: BucketServer, tmp_path: Path) -> None:
    at_server.put("both", {"in/a.png": png(1), "in/a.png/b.png": png(2)})
    assert counts(run("s3://both/in", tmp_path / "all")) == {"found": 2, "done": 2}
    assert boxes(tmp_path / "all") == {"a.png", "a.png/b.png"}
    run("s3://both/in/a.png", tmp_path / "below")
    assert boxes(tmp_path / "below") == {"b.png"}


def test_results_in_a_bucket_are_never_pictures(at_server: BucketServer, tmp_path: Path) -> None:
    report = b'{"schema": "locpipe/run/1"}'
    at_server.put("ours", {"out/run.json": report, "out/masks/a.png": png(1), "masks/b.png": png(2)})  # fmt: skip
    found = run("s3://ours", tmp_path / "all")
    assert found["results_passed_over"] == ["s3://ours/out"]
    assert boxes(tmp_path / "all") == {"masks/b.png"}
    with pytest.raises(ConfigError, match="is results of a run, not pictures"):
        run("s3://ours/out/masks", tmp_path / "masks")


def test_what_is_no_picture_is_a_failure_that_names_its_url(
    at_server: BucketServer, tmp_path: Path
) -> None:
    at_server.put("bad", {"in/bad.png": b"no picture", "in/empty.png": b"", "in/good.png": png(1)})
    assert counts(run("s3://bad/in", tmp_path)) == {"found": 3, "done": 1, "failed": 2}
    assert [failure["message"].split(" ")[0] for failure in failures(tmp_path)] == [
        "'s3://bad/in/bad.png'",
        "'s3://bad/in/empty.png'",
    ]
    assert list((tmp_path / ".locpipe" / "tmp").iterdir()) == []


def test_a_source_that_is_not_there_is_told_at_once(
    at_server: BucketServer, tmp_path: Path
) -> None:
    at_server.put("there", {"in/list.txt": b"x"})
    at_server.put_raw("there", "odd/../a.png")
    for source, said in {
        "s3://nowhere/in": "there is no bucket 'nowhere'; check its name",
        "s3://there/typo": "does not exist; nothing has a name that begins so",
        "s3://there/in/list.txt": "is a list in a bucket; copy it to a disk",
        "s3://there/odd": "the object 'odd/../a.png' has a name that is no path; rename it",
        "s3://": "names no bucket; write s3://BUCKET/FOLDER",
    }.items():
        with pytest.raises(ConfigError) as told:
            run(source, tmp_path / "out")
        assert said in str(told.value)
        assert source in str(told.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (
            "301 Moved Permanently",
            "PermanentRedirect",
            "'far' lies in another region; set AWS_REGION",
        ),
        (
            "403 Forbidden",
            "AccessDenied",
            r"may not be read \(403 AccessDenied\).* AWS_ACCESS_KEY_ID",
        ),
        ("403 Forbidden", "InvalidAccessKeyId", r"may not be read \(403 InvalidAccessKeyId\)"),
    ],
)
def test_what_a_server_refuses_is_told_without_its_words(
    status: str, code: str, said: str, proxy: Proxy, tmp_path: Path
) -> None:
    answer = f"<Error><Code>{code}</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId></Error>"
    proxy.trouble = lambda *_: f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode()  # fmt: skip
    with pytest.raises(ConfigError, match=said) as told:
        run("s3://far/in", tmp_path / "out")
    assert KEY not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_troubles_that_pass_cost_no_picture(
    server: BucketServer, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: tuple[Trouble, ...] = ("503", "cut", "reset", "stall")
    server.put("storm", {f"{kind!s}.png": png(1) for kind in kinds})
    monkeypatch.setattr(buckets, "CLIENT", {**buckets.CLIENT, "read_timeout": "300ms"})
    asked: Counter[str] = Counter()

    def twice(_: str, path: str) -> Trouble | None:
        asked[path] += 1
        fitting = [kind for kind in kinds if f"/{kind!s}.png" in path]
        kind = fitting[0] if fitting else kinds[1]  # of the list
        return kind if asked[path] < 3 else None

    proxy.trouble = twice
    assert counts(run("s3://storm", tmp_path)) == {"found": 4, "done": 4}
    assert [path for path, count in asked.items() if count < 3] == []


def test_a_trouble_that_stays_costs_its_picture_and_no_other(
    server: BucketServer, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("stays", {"a.png": png(1), "b.png": png(2)})
    monkeypatch.setattr(buckets, "TRIES", {**buckets.TRIES, "max_retries": 1})
    proxy.trouble = lambda _, path: "503" if path.endswith("/b.png") else None
    assert counts(run("s3://stays", tmp_path)) == {"found": 2, "done": 1, "failed": 1}
    (failure,) = failures(tmp_path)
    assert failure["message"].startswith("'s3://stays/b.png': cannot be read (503)")
    proxy.trouble = lambda *_: None
    assert counts(run("s3://stays", tmp_path)) == {"found": 2, "done": 1, "up_to_date": 1}


def test_a_run_that_is_killed_goes_on(
    server: BucketServer, proxy: Proxy, tmp_path: Path, start_locpipe: Any, tree: Any
) -> None:
    server.put("killed", {f"{shade}.png": png(shade) for shade in range(8)})
    proxy.delay = 0.05
    arguments = ("run", "digits", "--input", "s3://killed", "--workers", "1", "--output")
    process: subprocess.Popen[str] = start_locpipe(*arguments, tmp_path / "killed")
    while not (tmp_path / "killed" / "boxes" / "2.png.json").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    report = run("s3://killed", tmp_path / "killed")
    assert report["counts"]["done"] + report["counts"]["kept"] + report["counts"]["up_to_date"] == 8
    assert report["counts"]["done"] < 8
    run("s3://killed", tmp_path / "whole")
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


def test_no_secret_is_in_what_a_run_writes_or_says(
    at_server: BucketServer, tmp_path: Path, locpipe: Any
) -> None:
    at_server.put("secret", {"a.png": png(1), "bad.png": b"no picture"})
    done = locpipe("run", "digits", "--input", "s3://secret", "--output", tmp_path, "--workers", "1", "-v")  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert not {SECRET, KEY} & set(re.findall(r"\w+", done.stdout + done.stderr))
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) > 4
    assert not any(SECRET.encode() in content or KEY.encode() in content for content in written)
