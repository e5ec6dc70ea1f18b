"""What goes wrong in a run: bad pictures, and what ends the whole run."""

import errno
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import boxes, counts, failures, run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output import atomic
from locpipe.pipeline.picture import write
from locpipe.pipeline.workers.box_finder import BoxFinder
from locpipe.pipeline.workers.messages import Job
from locpipe.stages.errors import ConfigError, LocpipeError, ModelError, OutputError
from locpipe.stages.models.loading import find_model
from locpipe.stages.settings import HeatmapSettings

Tree = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def bad(config: Config) -> dict[str, str]:
    """Bad pictures among the good ones, and a part of what is to be said about each."""
    folder = config.input.path
    good = (folder / "coffee.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("I am no picture.")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / "a-folder.png").mkdir()
    return {
        "cut.jpg": "cut",
        "empty.png": "empty",
        "gone.jpg": "No such file",
        "text.jpg": "not a picture",
    }


def test_bad_pictures_become_lines_and_the_rest_goes_on(
    config: Config, bad: dict[str, str]
) -> None:
    report = run(config)
    assert (report["exit_code"], counts(report)) == (3, {"found": 8, "done": 4, "failed": 4})
    told = failures(config)
    assert [line["path"] for line in told] == sorted(bad)
    for line in told:
        assert (line["stage"], line["error"], line["attempts"]) == ("load", "ImageError", 1)
        assert line["path"] in line["message"]
        assert bad[line["path"]] in line["message"]


def test_a_folder_that_cannot_be_listed_is_one_failure_that_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def denied(path: str | Path) -> object:
        if str(path).endswith("signs"):  # as root, whom tests may run as, nothing is denied
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scandir(str(path))

    monkeypatch.setattr(os, "scandir", denied)
    assert counts(run(config)) == {"found": 3, "done": 2, "failed": 1}
    (failure,) = failures(config)
    assert failure["path"] == "signs"
    assert "cannot be read (Permission denied)" in failure["message"]


def test_a_picture_over_the_limit_is_refused_and_the_option_named(config: Config) -> None:
    report = run(with_(config, "input", max_megapixels=0.05))
    assert report["exit_code"] == 3
    assert {line["path"] for line in failures(config)} == {
        "coffee.jpg",
        "page.webp",
        "signs/text.PNG",
    }
    assert all("input.max_megapixels" in line["message"] for line in failures(config))


def test_a_bomb_is_refused_from_its_header(config: Config) -> None:
    bomb = config.input.path / "bomb.png"
    Image.new("L", (1, 1)).save(bomb)
    with bomb.open("r+b") as file:
        file.seek(16)
        size = struct.pack(">II", 200_000, 200_000)
        rest = file.read()[8:13]
        file.seek(16)
        file.write(size + rest + struct.pack(">I", zlib.crc32(b"IHDR" + size + rest)))
    report = run(config)
    assert counts(report) == {"found": 5, "done": 4, "failed": 1}
    (failure,) = failures(config)
    assert "200000 x 200000 pixels" in failure["message"]
    assert "input.max_megapixels" in failure["message"]


def test_a_picture_that_needs_more_memory_than_there_is_is_not_even_decoded(config: Config) -> None:
    report = run(with_(config, "run", memory_limit=1_000_000))
    assert counts(report) == {"found": 4, "failed": 4}
    assert "a worker has 0.0 GiB; set infer.long_side" in failures(config)[0]["message"]


def test_a_worker_with_too_little_memory_to_start_is_told_what_to_raise(config: Config) -> None:
    with pytest.raises(LocpipeError, match=r"cannot be set up .* raise run.memory_limit"):
        run(with_(config, "run", memory_limit=10_000_000, workers=1))


def test_a_failure_is_tried_in_three_runs_then_only_when_told(
    config: Config, bad: dict[str, str]
) -> None:
    reports = [run(config) for _ in range(4)]
    assert [report["exit_code"] for report in reports] == [3, 3, 3, 0]
    assert [report["counts"]["failed"] for report in reports] == [4, 4, 4, 0]
    assert reports[3]["counts"]["given_up"] == len(bad)
    assert {line["attempts"] for line in failures(config)} == {3}
    assert run(config, retry_failed=True)["counts"]["failed"] == 4


def test_a_mended_picture_leaves_the_list_and_a_broken_one_loses_its_results(
    config: Config,
) -> None:
    (config.input.path / "new.png").touch()
    run(config)
    shutil.copy(config.input.path / "page.webp", config.input.path / "new.png")
    (config.input.path / "coffee.jpg").write_bytes(b"")
    run(config)
    assert [line["path"] for line in failures(config)] == ["coffee.jpg"]
    assert boxes(config, "new.png")["image"]["width"] == 384
    assert not list(config.output.path.rglob("coffee.jpg.*"))


def test_a_name_too_long_for_its_result_is_one_failure(config: Config) -> None:
    name = "a" * 250 + ".png"
    shutil.copy(config.input.path / "signs" / "text.PNG", config.input.path / name)
    assert counts(run(config)) == {"found": 5, "done": 4, "failed": 1}
    (failure,) = failures(config)
    assert (failure["stage"], failure["error"]) == ("write", "ImageError")
    assert f"{name}.json' would be 259 bytes long" in failure["message"]


def test_a_file_where_a_folder_of_results_goes_is_told_before_anything_is_computed(
    config: Config,
) -> None:
    config.output.path.mkdir()
    (config.output.path / "masks").write_text("in the way")
    with pytest.raises(OutputError, match=r"masks cannot be written \(File exists\)"):
        run(config)
    assert (config.output.path / "masks").read_text() == "in the way"


def test_nothing_is_written_when_something_is_wrong_from_the_start(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="does not exist"):
        run(with_(config, "input", path=tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"'nothing' is neither .*\(these do: .*digits"):
        run(config.model_copy(update={"model": "nothing"}))
    with pytest.raises(ModelError, match="label"):
        run(config.model_copy(update={"heatmap": HeatmapSettings(labels=("cat",))}))
    windows = {"heatmap": HeatmapSettings(weights="classifier")}
    with pytest.raises(ConfigError, match=r"infer.engine: onnxruntime cannot run model digits"):
        run(with_(config.model_copy(update=windows), "infer", engine="onnxruntime"))
    thousand = {"model": "objects", "heatmap": HeatmapSettings(normalize="minmax")}
    with pytest.raises(ConfigError, match="255 labels, but there are 1000"):
        run(config.model_copy(update=thousand))
    assert not config.output.path.exists()
    with pytest.raises(OutputError, match="cannot be written"):
        run(with_(config, "output", path=tmp_path / "file" / "out"))


def test_a_disk_that_gets_full_ends_the_run_and_blames_no_picture(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_synced = atomic._write_synced

    def nearly_full(file: Path, data: bytes) -> None:
        if data.startswith(b"\x89PNG"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_synced(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_write_synced", nearly_full)
        with pytest.raises(OutputError, match=r"\(No space left on device\); free space"):
            run(config)
    assert counts(run(config)) == {"found": 4, "done": 4}


def test_a_foreign_json_in_the_place_of_a_result_is_no_fault_of_the_picture(config: Config) -> None:
    run(config)
    whole = boxes(config, "coffee.jpg")
    shutil.rmtree(config.output.path / ".locpipe")
    foreign = {key: value for key, value in whole.items() if key != "made_by"}
    (config.output.path / "boxes" / "coffee.jpg.json").write_text(json.dumps(foreign))
    assert counts(run(config)) == {"found": 4, "done": 1, "kept": 3}
    assert boxes(config, "coffee.jpg") == whole


@pytest.mark.parametrize("kind", ["overlays", "heatmaps", "masks"])
def test_a_picture_to_look_at_that_runs_out_of_memory_is_said_to_be_at_fault(
    config: Config, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def too_large(_: object) -> None:
        np.empty((1 << 50,), np.uint8)

    monkeypatch.setattr(write, f"{kind.removesuffix('s')}_pixels", too_large)
    wanted = {"overlays": False, "heatmaps": False, "masks": False, kind: True}
    assert counts(run(with_(config, "output", **wanted)))["failed"] == 4
    for failure in failures(config):
        assert (failure["stage"], failure["error"]) == (kind, "ImageError")
        assert f"no memory for its picture in {kind}/" in failure["message"]
        assert f"set output.{kind}=false, or raise run.memory_limit" in failure["message"]
    monkeypatch.undo()
    finder = BoxFinder(Job(config, "c", "digits", "m"), RunExports(config))
    assert finder.remedy(kind).endswith(
        f"for its picture in {kind}/: set output.{kind}=false, or raise run.memory_limit"
    )


def test_a_damaged_model_is_not_used(config: Config, tmp_path: Path) -> None:
    shutil.copytree(find_model("digits"), tmp_path / "model")
    with (tmp_path / "model" / "weights.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ModelError, match=r"weights.safetensors: sha256 is .*fetch or train"):
        run(config.model_copy(update={"model": str(tmp_path / "model")}))
