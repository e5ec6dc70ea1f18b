"""Results in shards are those in files, whatever happens to a run or to a shard."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from run_fixtures import quick
from runs import counts, failures, run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.box_json import read_page
from locpipe.pipeline.output.parts import InputPart
from locpipe.pipeline.output.shards import ShardPage, shard_file, shard_pages, shards_of
from locpipe.pipeline.run import shard_keeper
from locpipe.pipeline.run.merge import merge
from locpipe.stages.errors import ConfigError

COUNT = 9
SMALL = "import sys; from locpipe.pipeline.run import shard_keeper; shard_keeper.PAGES = 2; from locpipe.pipeline.cli.main import main; main()"


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, one of two pages, one damaged, one with a name that is not UTF-8."""
    folder = tmp_path_factory.mktemp("some")
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    for n in range(COUNT - 3):
        Image.fromarray(np.roll(noise, n, 1)).save(folder / f"{n}.png")
    shutil.copy(folder / "0.png", folder / os.fsdecode(b"\xff.png"))
    pages = [Image.fromarray(noise[: 50 + n]) for n in range(2)]
    pages[0].save(folder / "two.tif", save_all=True, append_images=pages[1:])
    (folder / "empty.png").touch()
    return folder


@pytest.fixture
def config(some: Path, tmp_path: Path) -> Config:
    shutil.copytree(some, tmp_path / "pictures")
    return with_(quick(tmp_path / "pictures", tmp_path / "out"), "output", layout="shards")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_keeper, "PAGES", 4)


def names(output: Path) -> list[str]:
    return sorted(page.name for page in shard_pages(output))


def documents(output: Path) -> dict[str, Any]:
    return {page.name: page.document for page in shard_pages(output)}


@pytest.fixture(scope="module")
def expected(some: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The documents of a run that nobody disturbs, by the names of pages."""
    config = with_(quick(some, tmp_path_factory.mktemp("whole") / "out"), "output", layout="shards")
    run(config)
    return documents(config.output.path)


def test_shards_hold_what_files_hold(config: Config, tmp_path: Path) -> None:
    report = run(config)
    assert counts(report) == {"found": COUNT, "done": COUNT - 1, "failed": 1}
    output = config.output.path
    assert len(shards_of(output)) == 3
    assert not (output / "boxes").exists()
    files = with_(with_(config, "output", layout="files"), "output", path=tmp_path / "files")
    run(files)
    kept = {page.name: page for page in open_run(output).pages()}
    as_files = {page.name: page for page in open_run(files.output.path).pages()}
    assert len(kept) == COUNT
    assert kept.keys() == as_files.keys()
    for name, page in kept.items():
        assert isinstance(page, ShardPage)
        assert page.boxes == as_files[name].boxes
        assert page.document == json.loads((files.output.path / "boxes" / f"{name}.json").read_bytes())  # fmt: skip
        mask = page.mask()
        assert mask is not None
        assert np.array_equal(mask, np.asarray(Image.open(files.output.path / "masks" / f"{name}.png")))  # fmt: skip
    assert failures(config) == failures(files)
    assert counts(run(config)) == {"found": COUNT, "up_to_date": COUNT - 1, "failed": 1}


def test_any_reader_of_parquet_reads_them(config: Config) -> None:
    run(config)
    table = pq.read_table(config.output.path / "shards")
    rows = {(row["path"], row["page"]): row for row in table.to_pylist()}
    assert rows["empty.png", None]["status"] == "failed"
    assert rows["empty.png", None]["error"] == "ImageError"
    row = rows["0.png", 1]
    assert sum(row["mask_runs"]) == row["width"] * row["height"]
    assert row["boxes"][0].keys() >= {"label", "score", "rect", "polygon", "line", "block"}
    assert [row["path_bytes"] for row in rows.values() if row["path_bytes"]] == [b"\xff.png"]


def test_what_is_done_again_is_not_there_twice(config: Config) -> None:
    run(config)
    before = names(config.output.path)
    (picture,) = config.input.path.glob("3.png")
    Image.new("RGB", (30, 20)).save(picture)
    assert counts(run(config))["done"] == 1
    assert names(config.output.path) == before
    run(with_(config, "boxes", min_area=30.0))
    assert names(config.output.path) == before
    assert pq.read_table(config.output.path / "shards").num_rows == COUNT + 1


def test_a_shard_that_is_torn_or_gone_is_said_and_done_again(
    config: Config, expected: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    run(config)
    output = config.output.path
    file = shard_file(output, shards_of(output)[0])
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ConfigError, match=r"is torn .*; run again"):
        names(output)
    report = run(config)
    assert "is torn; its 4 pictures are done again" in caplog.text or "is torn; its 3 pictures are done again" in caplog.text  # fmt: skip
    assert documents(output) == expected
    assert report["counts"]["done"] in (3, 4)
    shard_file(output, shards_of(output)[0]).unlink()
    run(config)
    assert "is gone; its" in caplog.text
    assert documents(output) == expected


def test_a_lost_state_is_made_of_the_shards(config: Config, expected: dict[str, Any]) -> None:
    run(config)
    shutil.rmtree(config.output.path / ".locpipe")
    assert counts(run(config)) == {"found": COUNT, "up_to_date": COUNT - 1, "failed": 1}
    assert documents(config.output.path) == expected


def test_shards_of_another_config_are_said_and_done_again(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    run(config)
    changed = with_(config, "boxes", min_area=30.0)
    assert run(changed)["counts"]["done"] == COUNT - 1
    assert "shards are of another config or model; their" in caplog.text
    hashes = {page.made_by.config_sha256 for page in shard_pages(config.output.path)}
    assert hashes == {changed.sha256()}


def start(config: Config) -> subprocess.Popen[bytes]:
    whole = with_(config, "run", workers=1).model_dump(mode="json")
    file = config.output.path.parent / "config.json"  # which is YAML, too
    file.write_text(json.dumps(whole))
    return subprocess.Popen(
        [sys.executable, "-c", SMALL, "run", str(file), "-q"],
        start_new_session=True,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_ended_goes_on_without_loss_or_double(
    config: Config, expected: dict[str, Any], number: signal.Signals
) -> None:
    with start(config) as process:
        deadline = time.monotonic() + 120
        while not shards_of(config.output.path):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, number)
        process.communicate()
    assert counts(run(config))["up_to_date"] >= 1
    assert documents(config.output.path) == expected
    assert pq.read_table(config.output.path / "shards").num_rows == COUNT + 1
    assert list((config.output.path / ".locpipe" / "tmp").iterdir()) == []


def test_a_shard_that_was_written_and_not_noted_is_taken_over(
    config: Config, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shard_keeper.ShardKeeper, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            run(config)
    assert counts(run(config)).get("up_to_date", 0) >= 1
    assert documents(config.output.path) == expected
    assert pq.read_table(config.output.path / "shards").num_rows == COUNT + 1


def test_parts_have_shards_of_their_own(config: Config, expected: dict[str, Any]) -> None:
    for _ in range(2):
        for n in (1, 2):
            run(config, part=InputPart(2, n))
        merge(config.output.path, lambda _: None)  # type: ignore[arg-type,return-value] # no exports
        assert documents(config.output.path) == expected
        (config.input.path / "1.png").touch()
    assert counts(run(config))["up_to_date"] == COUNT - 2


@pytest.mark.parametrize(
    ("key", "value"), [("overlays", True), ("heatmaps", True), ("exports", ("coco",))]
)
def test_what_has_no_place_in_shards_is_refused(config: Config, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"output\.{key}: shards have no place .* set output\.{key}="):  # fmt: skip
        run(with_(config, "output", **{key: value}))


def test_an_output_has_one_layout(config: Config) -> None:
    run(config)
    with pytest.raises(ConfigError, match=r"has results as shards; set output.layout=shards"):
        run(with_(config, "output", layout="files"))


def test_without_the_package_the_extra_is_named(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'locpipe\[shards\]'"):
        run(config)
    assert not config.output.path.exists()


def test_pages_of_files_are_no_pages_of_shards(config: Config, tmp_path: Path) -> None:
    files = with_(with_(config, "output", layout="files"), "output", path=tmp_path / "files")
    run(files, limit=1)
    (file,) = (files.output.path / "boxes").rglob("*.json")
    assert not isinstance(read_page(file), ShardPage)
