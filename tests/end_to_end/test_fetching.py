"""A run in a bucket becomes a folder; parts of it are merged there; commands say what they cannot read."""

from pathlib import Path
from typing import Any

import obstore
import pytest
from bucket_fixtures import counts, machine, photos, png, run
from click.testing import CliRunner, Result

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.output.lock import LockedError, locked
from locpipe.pipeline.output.parts import InputPart
from locpipe.pipeline.storage.buckets import memory_of
from locpipe.pipeline.storage.urls import located
from locpipe.stages.errors import ConfigError

__all__ = ["machine", "photos"]


def called(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


def refused(*arguments: str | Path, code: int = 2) -> str:
    done = called(*arguments)
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("layout", [(), ("output.layout=shards", "output.overlays=false")], ids=["files", "shards"])  # fmt: skip
def test_a_copy_is_the_run_and_follows_it(
    layout: tuple[str, ...], photos: Path, tmp_path: Path, tree: Any
) -> None:
    place, copy = f"memory://follow-{len(layout)}/out", tmp_path / "copy"
    run(photos, place, *layout)
    run(photos, tmp_path / "disk", *layout)
    done = called("fetch", place, copy)
    assert done.exit_code == 0, done.output
    assert tree(copy) == tree(tmp_path / "disk")
    assert not (copy / ".locpipe" / "lock.json").exists()
    assert counts(run(photos, copy, *layout)) == {"found": 3, "up_to_date": 3}
    assert called("report", copy).exit_code == 0
    (photos / "a.png").write_bytes(b"no picture")
    run(photos, place, *layout)
    run(photos, tmp_path / "disk", *layout)
    assert called("fetch", place, copy).exit_code == 0
    results = {name: data for name, data in tree(copy).items() if not name.startswith("report")}
    assert results == tree(tmp_path / "disk")


def test_a_second_copy_asks_only_for_what_is_new(photos: Path, tmp_path: Path) -> None:
    run(photos, "memory://second/out")
    called("fetch", "memory://second/out", tmp_path / "copy")
    (photos / "new.png").write_bytes(png(77))
    run(photos, "memory://second/out")
    said = called("fetch", "memory://second/out", tmp_path / "copy").output
    # The mask, overlay and JSON of the new one; run.json, failures.jsonl and the state.
    assert "6 files copied, 9 files kept, 0 files removed" in said


def test_parts_in_a_bucket_have_their_own_locks_and_are_merged_in_a_copy(
    photos: Path, tmp_path: Path, tree: Any
) -> None:
    place = "memory://parts/out"
    for number in (1, 2):
        run(photos, place, part=InputPart(2, number))
    for number in (1, 2):
        again = run(photos, place, part=InputPart(2, number))
        assert again["counts"]["up_to_date"] == again["counts"]["found"]
    with pytest.raises(LockedError, match="parts are at work here, or are not merged yet"):
        run(photos, place)
    with (
        locked(located("memory://parts/other")),
        pytest.raises(LockedError, match="without --part"),
    ):
        run(photos, "memory://parts/other", part=InputPart(2, 1))
    with pytest.raises(LockedError, match="has parts of 2"):
        run(photos, place, part=InputPart(3, 1))
    desk = InputPart(2, 1).desk(located(place))
    with locked(desk):
        assert "a run is at work there" in refused("fetch", place, tmp_path / "copy", code=75)
    assert called("status", place).output.startswith("2 of 2 parts begun, none merged")
    assert called("fetch", place, tmp_path / "copy").exit_code == 0
    done = called("merge", tmp_path / "copy")
    assert done.exit_code == 0, done.output
    assert "3 pictures done" in done.output or "were done before" in done.output
    run(photos, tmp_path / "disk")
    assert tree(tmp_path / "copy") == tree(tmp_path / "disk")


def test_a_part_begins_with_what_the_whole_run_knows(photos: Path) -> None:
    run(photos, "memory://whole/out", "output.layout=shards", "output.overlays=false")
    reports = [
        run(
            photos, "memory://whole/out", "output.layout=shards", "output.overlays=false", part=part
        )
        for part in (InputPart(2, 1), InputPart(2, 2))
    ]
    assert sum(report["counts"]["up_to_date"] for report in reports) == 3


@pytest.mark.parametrize("command", ["read", "report", "prune", "merge", "export", "evaluate"])
def test_commands_that_read_a_disk_say_how_to_copy(command: str) -> None:
    needed = {"export": ("--to", "coco"), "evaluate": ("--truth", "truth")}
    said = refused(command, "s3://b/out", *needed.get(command, ()))
    assert "type: locpipe fetch s3://b/out DIR, and give DIR" in said


def test_what_is_no_run_is_not_copied(tmp_path: Path) -> None:
    obstore.put(memory_of("nothing"), "out/a.png", png(1))
    for command in (("fetch", "memory://nothing/out", tmp_path / "copy"), ("status", "memory://nothing/out")):  # fmt: skip
        assert "is not the output of a run" in refused(*command)
    assert "lies in no bucket; give a URL" in refused("fetch", tmp_path, tmp_path / "copy")


def test_a_dry_run_sees_what_is_in_the_bucket(photos: Path) -> None:
    run(photos, "memory://dry/out")
    obstore.delete(memory_of("dry"), "out/boxes/a.png.json")
    arguments = (
        "run",
        "digits",
        "--input",
        str(photos),
        "--output",
        "memory://dry/out",
        "--workers",
        "0",
        "--dry-run",
    )
    assert called(*arguments).stdout.splitlines() == [
        "process: result missing: 'a.png'",
        "leave: done: 'sub/b.png'",
        "leave: done: 'sub/c.png'",
    ]


def test_python_gets_the_place_and_the_failures(photos: Path) -> None:
    import locpipe

    (photos / "bad.png").write_bytes(b"no picture")
    settings = {"input.path": str(photos), "output.path": "memory://api/out", "run.workers": 0}
    report = locpipe.run("digits", settings=settings)
    assert str(report.output) == "memory://api/out"
    assert [failure.path for failure in report.failures()] == ["bad.png"]
    with pytest.raises(ConfigError, match="locpipe fetch memory://api/out DIR"):
        locpipe.read("memory://api/out")
