"""A whole run in this process: what it takes in and what it writes."""

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import boxes, counts, run, with_

from locpipe import __version__
from locpipe.pipeline.config.sections import Config, RunConfig
from locpipe.pipeline.run.summary import one_line
from locpipe.pipeline.workers import machine
from locpipe.stages.errors import ConfigError
from locpipe.stages.models.loading import find_model
from locpipe.stages.settings import BoxesSettings, KeepSettings

Tree = Callable[[Path], dict[str, bytes]]

ALL = ["coffee.jpg", "page.webp", "signs/camera.bmp", "signs/text.PNG"]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(float)


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
    assert document["schema"] == "locpipe/boxes/2"
    assert document["image"]["path"] == "signs/text.PNG"
    assert (document["image"]["width"], document["image"]["height"]) == (448, 172)
    assert document["made_by"] == {
        "locpipe": __version__,
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
    assert overlay.shape == (400 + 28, 600, 3)  # twice as large, with a legend
    overlay = overlay[:400]
    # The brown table stays brown, not blue, where the map is cold.
    assert overlay[-20:, :40, 0].mean() > overlay[-20:, :40, 2].mean()


def test_hotspots_are_classified_where_asked_for(config: Config) -> None:
    run(with_(config, "boxes", classify=True))
    first = boxes(config, "signs/text.PNG")["boxes"][0]
    assert first["class"] in list("0123456789")
    assert 0 <= first["probability"] <= 1


def test_boxes_that_a_filter_turns_away_are_counted_in_run_json_as_in_the_results(
    config: Config,
) -> None:
    there = run(config)["boxes"]
    report = run(with_(config, "boxes", keep=KeepSettings(min_height=30, min_contrast=95)))
    turned_away: Counter[str] = Counter()
    for file in (config.output.path / "boxes").rglob("*.json"):
        turned_away.update(json.loads(file.read_bytes()).get("filtered", {}))
    assert report["filtered"] == turned_away
    assert sum(turned_away.values()) == there - report["boxes"]
    assert f"{turned_away['min_contrast']} by min_contrast" in one_line(report)


def test_boxes_that_were_cut_are_told_by_the_run_that_cut_them(config: Config) -> None:
    few = with_(config, "boxes", max=1)
    report = run(few)
    document = boxes(config, "coffee.jpg")
    assert len(document["boxes"]) == 1
    assert "raise boxes.max" in document["warnings"][0]
    cut = report["cut_by_boxes_max"]
    assert report["exit_code"] == 3
    assert (report["counts"]["failed"], report["counts"]["done"]) == (0, 4)
    assert cut["boxes"] > cut["pictures"] > 0
    told = (
        f"{cut['boxes']} boxes of {cut['pictures']} pictures left out by boxes.max = 1 (raise it)"
    )
    assert told in one_line(report)
    again = run(few)
    assert (again["exit_code"], again["cut_by_boxes_max"]["boxes"]) == (0, 0)
    assert "left out" not in one_line(again)
    assert run(config)["exit_code"] == 0


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


def test_an_empty_inbox_is_fine_unless_a_picture_is_required(config: Config) -> None:
    shutil.rmtree(config.input.path)
    config.input.path.mkdir()
    (config.input.path / "readme.md").touch()
    assert run(config)["exit_code"] == 0
    report = run(config, require_input=True)
    assert (report["exit_code"], counts(report)) == (4, {"ignored": 1})


def test_a_manifest_gives_its_pictures(config: Config, tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"{config.input.path}/coffee.jpg\n{config.input.path}/signs/text.PNG\n")
    assert counts(run(with_(config, "input", path=manifest, root=config.input.path))) == {
        "found": 2,
        "done": 2,
    }
    assert boxes(config, "signs/text.PNG")


def test_a_manifest_that_lists_a_picture_twice_is_told(config: Config, tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text("pictures/a.jpg\npictures/./a.jpg\n")
    with pytest.raises(ConfigError, match=r"a.jpg is listed twice"):
        run(with_(config, "input", path=manifest, root=Path.cwd()))


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
    assert {memory > 2**20 for memory in report["peak_memory"].values()} == {True}
    assert Config.model_validate(report["config"]).boxes == config.boxes


def test_the_time_of_day_the_workers_and_the_boxes_section_do_not_leak_into_results(
    config: Config, tree: Tree, tmp_path: Path
) -> None:
    run(config)
    elsewhere = with_(config, "output", path=tmp_path / "again")
    run(
        elsewhere.model_copy(
            update={"run": RunConfig(workers=0, timeout=5), "boxes": BoxesSettings()}
        )
    )
    assert tree(tmp_path / "again") == tree(config.output.path)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_a_worker_hands_back_freed_memory(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "KEPT", -machine.MEMORY)
    run(config)  # what it loads comes first
    blocks = [b"1" * 100_000 for _ in range(3000)]
    full = machine.resident_memory()
    between = blocks[::10]
    del blocks
    run(config, force=True)
    assert machine.resident_memory() < full - 100_000_000
    assert len(between) == 300
