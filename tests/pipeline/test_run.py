"""A whole run in this process: what is written, what is skipped, what fails."""

import errno
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from locpipe.pipeline.config import BoxesConfig, Config, HeatmapConfig, RunConfig
from locpipe.pipeline.run import LockedError, Options, execute, preview
from locpipe.stages.errors import ConfigError, ModelError, OutputError
from locpipe.stages.model import find_model

Tree = Callable[[Path], dict[str, bytes]]

ALL = ["coffee.jpg", "page.webp", "signs/camera.bmp", "signs/text.PNG"]


def run(config: Config, **options: Any) -> dict[str, Any]:
    return execute(config, Options(**options))


def with_(config: Config, section: str, **values: object) -> Config:
    changed = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: changed})


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Only what is not zero."""
    return {name: count for name, count in report["counts"].items() if count}


def failures(config: Config) -> list[dict[str, Any]]:
    lines = (config.output.path / "failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(float)


def boxes(config: Config, key: str) -> dict[str, Any]:
    document = json.loads((config.output.path / "boxes" / f"{key}.json").read_bytes())
    assert isinstance(document, dict)
    return document


def test_results_mirror_the_pictures(config: Config, tree: Tree) -> None:
    report = run(config)
    assert (report["exit_code"], counts(report)) == (0, {"found": 4, "done": 4})
    assert list(tree(config.output.path)) == sorted(
        [f"boxes/{key}.json" for key in ALL] + [f"masks/{key}.png" for key in ALL]
        + ["failures.jsonl"]
    )  # fmt: skip


def test_the_json_says_what_the_picture_is_and_what_it_was_made_by(config: Config) -> None:
    report = run(config)
    document = boxes(config, "signs/text.PNG")
    assert document["schema"] == "locpipe/boxes/1"
    assert document["image"]["path"] == "signs/text.PNG"
    assert (document["image"]["width"], document["image"]["height"]) == (448, 172)
    assert document["made_by"] == {
        "model": "digits",
        "model_sha256": report["model_sha256"],
        "config_sha256": config.sha256(),
    }
    assert document["labels"] == ["text"]
    assert document["boxes"]
    assert "class" not in document["boxes"][0]
    assert "warnings" not in document


def test_masks_are_black_and_white_pictures_of_full_size(config: Config) -> None:
    run(config)
    mask = pixels(config.output.path / "masks" / "signs" / "text.PNG.png")
    assert mask.shape == (172, 448)
    assert set(np.unique(mask)) == {0, 255}
    left, top, right, bottom = boxes(config, "signs/text.PNG")["boxes"][0]["rect"]
    assert mask[top:bottom, left:right].any()


def test_all_kinds_of_pictures_are_written_where_asked_for(config: Config) -> None:
    run(with_(config, "output", masks=False, overlays=True, heatmaps=True))
    output = config.output.path
    assert not (output / "masks").exists()
    assert pixels(output / "heatmaps" / "coffee.jpg.png").shape == (200, 300)
    overlay = pixels(output / "overlays" / "coffee.jpg.jpg")
    assert overlay.shape == (200, 300, 3)
    # The brown table stays brown, not blue, where the map is cold.
    assert overlay[-20:, :40, 0].mean() > overlay[-20:, :40, 2].mean()


def test_hotspots_are_classified_where_asked_for(config: Config) -> None:
    run(with_(config, "boxes", classify=True))
    first = boxes(config, "signs/text.PNG")["boxes"][0]
    assert first["class"] in list("0123456789")
    assert 0 <= first["probability"] <= 1


def test_a_warning_tells_when_boxes_were_cut(config: Config) -> None:
    run(with_(config, "boxes", max=1))
    document = boxes(config, "coffee.jpg")
    assert len(document["boxes"]) == 1
    assert "raise boxes.max" in document["warnings"][0]


def test_a_second_run_has_nothing_to_do(config: Config, tree: Tree) -> None:
    run(config)
    before = tree(config.output.path)
    times = {file: file.stat().st_mtime_ns for file in config.output.path.rglob("boxes/**/*")}
    report = run(config)
    assert (report["exit_code"], counts(report)) == (0, {"found": 4, "up_to_date": 4})
    assert tree(config.output.path) == before
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_without_the_state_finished_pictures_are_known_by_their_content(
    config: Config, tree: Tree
) -> None:
    run(config)
    before = tree(config.output.path)
    shutil.rmtree(config.output.path / ".locpipe")
    assert counts(run(config)) == {"found": 4, "kept": 4}
    assert counts(run(config)) == {"found": 4, "up_to_date": 4}
    assert tree(config.output.path) == before


def test_a_touched_picture_is_not_done_again_a_changed_one_is(config: Config) -> None:
    run(config)
    os.utime(config.input.path / "coffee.jpg", (1, 1))
    shutil.copy(config.input.path / "page.webp", config.input.path / "signs" / "camera.bmp")
    assert counts(run(config)) == {"found": 4, "up_to_date": 2, "kept": 1, "done": 1}
    assert boxes(config, "signs/camera.bmp")["image"]["width"] == 384


def test_another_config_or_force_does_everything_again(config: Config) -> None:
    run(config)
    assert counts(run(with_(config, "boxes", min_area=50.0))) == {"found": 4, "done": 4}
    assert counts(run(config, force=True)) == {"found": 4, "done": 4}


def test_what_is_asked_for_later_is_added(config: Config) -> None:
    run(config)
    assert counts(run(with_(config, "output", overlays=True))) == {"found": 4, "done": 4}


def test_a_limit_does_a_part_and_the_next_run_the_rest(config: Config) -> None:
    assert counts(run(config, limit=1)) == {"found": 4, "done": 1}
    assert (config.output.path / "boxes" / "coffee.jpg.json").exists()
    assert counts(run(config)) == {"found": 4, "done": 3, "up_to_date": 1}


def test_a_multi_page_file_gives_a_result_a_page(config: Config) -> None:
    pages = [Image.fromarray(np.full((40 + n, 60), n, np.uint8)) for n in range(3)]
    scan = config.input.path / "scan.tif"
    pages[0].save(scan, save_all=True, append_images=pages[1:])
    assert counts(run(config))["done"] == 5
    assert [boxes(config, name)["image"]["height"] for name in ("scan.tif", "scan.tif.page-2", "scan.tif.page-3")] == [40, 41, 42]  # fmt: skip
    pages[0].save(scan, save_all=True, append_images=pages[1:2])
    assert counts(run(config)) == {"found": 5, "done": 1, "up_to_date": 4}
    assert not (config.output.path / "boxes" / "scan.tif.page-3.json").exists()
    (config.output.path / "masks" / "scan.tif.page-2.png").unlink()
    assert counts(run(config)) == {"found": 5, "done": 1, "up_to_date": 4}


def test_any_name_survives(config: Config) -> None:
    names = [b"with space.png", b"new\nline.png", b"no utf8 \xff.png", "中文 ü.png".encode()]
    for name in names:
        shutil.copy(config.input.path / "signs" / "text.PNG", config.input.path / os.fsdecode(name))
    assert counts(run(config)) == {"found": 8, "done": 8}
    for key in map(os.fsdecode, names):
        assert boxes(config, key)["image"]["path"] == key


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
    assert (failure["stage"], failure["error"]) == ("write", "OSError")


def test_an_empty_inbox_is_fine_unless_a_picture_is_required(config: Config) -> None:
    shutil.rmtree(config.input.path)
    config.input.path.mkdir()
    (config.input.path / "readme.md").touch()
    assert run(config)["exit_code"] == 0
    report = run(config, require_input=True)
    assert (report["exit_code"], counts(report)) == (4, {"ignored": 1})


def test_results_below_the_pictures_are_not_taken_for_pictures(config: Config) -> None:
    inside = with_(config, "output", path=config.input.path / "out", overlays=True)
    assert counts(run(inside)) == {"found": 4, "done": 4}
    assert counts(run(inside)) == {"found": 4, "up_to_date": 4}


def test_a_manifest_gives_its_pictures(config: Config, tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"{config.input.path}/coffee.jpg\n{config.input.path}/signs/text.PNG\n")
    assert counts(run(with_(config, "input", path=manifest))) == {"found": 2, "done": 2}
    assert boxes(config, "signs/text.PNG")


def test_a_manifest_that_lists_a_picture_twice_is_told(config: Config, tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text("pictures/a.jpg\npictures/./a.jpg\n")
    with pytest.raises(ConfigError, match=r"a.jpg is listed twice"):
        run(with_(config, "input", path=manifest))


def test_two_runs_do_not_write_to_one_output(config: Config) -> None:
    (config.output.path / ".locpipe").mkdir(parents=True)
    with (
        FileLock(config.output.path / ".locpipe" / "lock"),
        pytest.raises(LockedError, match="another run is at work here"),
    ):
        run(config)
    assert LockedError.exit_code == 75
    assert run(config)["exit_code"] == 0
    with FileLock(config.output.path / ".locpipe" / "lock").acquire(timeout=0):
        pass


def test_nothing_is_written_when_something_is_wrong_from_the_start(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="does not exist"):
        run(with_(config, "input", path=tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"'nothing' is neither .*\(these do: .*digits"):
        run(config.model_copy(update={"model": "nothing"}))
    with pytest.raises(ModelError, match="label"):
        run(config.model_copy(update={"heatmap": HeatmapConfig(labels=("cat",))}))
    assert not config.output.path.exists()
    with pytest.raises(OutputError, match="cannot be written"):
        run(with_(config, "output", path=tmp_path / "file" / "out"))


def test_a_disk_that_gets_full_ends_the_run_and_blames_no_picture(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def nearly_full(self: Path, data: bytes) -> int:
        if data.startswith(b"\x89PNG"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", nearly_full)
        with pytest.raises(OutputError, match=r"\(No space left on device\); free space"):
            run(config)
    assert counts(run(config)) == {"found": 4, "done": 4}


def test_a_damaged_model_is_not_used(config: Config, tmp_path: Path) -> None:
    shutil.copytree(find_model("digits"), tmp_path / "model")
    with (tmp_path / "model" / "weights.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ModelError, match=r"weights.safetensors: sha256 is .*fetch or train"):
        run(config.model_copy(update={"model": str(tmp_path / "model")}))


def test_a_model_may_lie_anywhere(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(find_model("digits"), tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    run(config.model_copy(update={"model": "mine"}), limit=1)
    assert boxes(config, "coffee.jpg")["made_by"]["model"] == "mine"


def test_the_report_has_what_is_needed_to_repeat_the_run(config: Config) -> None:
    report = run(config, argv=["locpipe", "run", "x"])
    assert json.loads((config.output.path / "run.json").read_bytes()) == json.loads(json.dumps(report))  # fmt: skip
    assert report["schema"] == "locpipe/run/1"
    assert report["argv"] == ["locpipe", "run", "x"]
    assert report["pixels"] == sum(
        boxes(config, key)["image"]["width"] * boxes(config, key)["image"]["height"] for key in ALL
    )
    assert {"load", "infer", "heatmap", "threshold", "boxes", "write"} <= report["stages"].keys()
    assert all(memory > 2**20 for memory in report["peak_memory"].values())
    assert Config.model_validate(report["config"]).boxes == config.boxes


def test_a_preview_tells_what_a_run_would_do_and_changes_nothing(
    config: Config, tree: Tree
) -> None:
    assert dict(preview(config, Options(limit=2))) == {
        "coffee.jpg": "process: new",
        "page.webp": "process: new",
        "signs/camera.bmp": "leave: over --limit",
        "signs/text.PNG": "leave: over --limit",
    }
    assert not config.output.path.exists()
    run(config, limit=1)
    before = tree(config.output.path)
    assert dict(preview(config, Options()))["coffee.jpg"] == "leave: done"
    assert tree(config.output.path) == before


def test_the_time_of_day_the_workers_and_the_boxes_section_do_not_leak_into_results(
    config: Config, tree: Tree, tmp_path: Path
) -> None:
    run(config)
    elsewhere = with_(config, "output", path=tmp_path / "again")
    run(
        elsewhere.model_copy(
            update={"run": RunConfig(workers=0, timeout=5), "boxes": BoxesConfig()}
        )
    )
    assert tree(tmp_path / "again") == tree(config.output.path)
