"""`locpipe export`: what it prints, where it writes, and how it fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from PIL import ExifTags, Image
from run_fixtures import MakeRun

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.exports import EXPORTS
from locpipe.pipeline.config.sections import Config, OutputConfig
from locpipe.pipeline.export.write import RunExports, export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.stages.settings import Direction

Tree = Callable[[Path], dict[str, bytes]]


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_formats_may_be_listed_or_repeated_and_are_told_where_they_lie(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    out = make_run({"a.png": (sign, 1, boxes)}) / "out"
    result = call(out, "--to", "page,alto", "--to", "uzn", "--to", "page")
    assert result.exit_code == 0, result.stderr
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
        f"{out}/exports/{name}" for name in ("page", "alto", "uzn")
    ]
    assert {path.name for path in (out / "exports").iterdir() if path.is_dir()} == {"page", "alto", "uzn"}  # fmt: skip


def test_what_a_killed_export_left_half_written_is_swept(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    out = make_run({"a.png": (sign, 1, boxes)}) / "out"
    assert call(out, "--to", "coco").exit_code == 0
    (out / ".locpipe" / "tmp" / "4711-0-0").write_text("half of coco.js")
    assert call(out, "--to", "coco").exit_code == 0
    assert list((out / ".locpipe" / "tmp").iterdir()) == []


def test_a_direction_that_a_format_cannot_express_is_said_once(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    columns = [{**box, "direction": "ttb", "block": 0} for box in boxes]
    pictures = dict.fromkeys(("a.png", "b.png"), (sign, 1, columns))
    out = make_run({**pictures, "c.png": (sign, 1, boxes)}) / "out"
    done = call(out, "--to", "icdar,page,coco,masks")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("cannot say in which direction") == 1
    assert "icdar, coco cannot say in which direction text runs (ttb on 'b.png'); use page" in done.stderr  # fmt: skip
    assert "direction" not in call(out, "--to", "page,alto,hocr,geojson,crops").stderr
    (out / "boxes" / "a.png.json").unlink()
    (out / "boxes" / "b.png.json").unlink()
    assert "direction" not in call(out, "--to", "icdar").stderr


def test_wrong_usage_is_told() -> None:
    unknown = call("x", "--to", "page,word")
    assert unknown.exit_code == 2
    assert "'word' is none of uzn, crops, page" in unknown.stderr
    assert call("x").exit_code == 2
    nowhere = call("nowhere", "--to", "page")
    assert nowhere.exit_code == 2
    assert "nowhere: is not the output of a run" in nowhere.stderr


def test_help_names_every_format() -> None:
    shown = call("--help").output
    assert all(name in shown for name in EXPORTS)


def test_what_failed_or_moved_is_told_and_gives_3(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    run = make_run({"a.png": (sign, 1, boxes), "b.png": (sign, 1, boxes)})
    failure = {"path": "c.png", "stage": "load", "error": "E", "message": "m", "attempts": 1}
    (run / "out" / "failures.jsonl").write_text(json.dumps(failure) + "\n")
    failed = call(run / "out", "--to", "icdar")
    assert failed.exit_code == 3
    assert "1 pictures failed in the run and are not exported" in failed.stderr
    (run / "pictures" / "b.png").unlink()
    (run / "out" / "failures.jsonl").write_text("")
    moved = call(run / "out", "--to", "icdar")
    assert moved.exit_code == 3
    assert "left out: 'b.png': is no longer at" in moved.stderr
    (run / "pictures").rename(run / "elsewhere")
    assert call(run / "out", "--to", "icdar").exit_code == 2
    assert call(run / "out", "--to", "icdar", "--input", run / "elsewhere").exit_code == 3


def test_exports_in_other_formats_stay_when_a_picture_has_moved(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]], tree: Tree
) -> None:
    run = make_run({"a.png": (sign, 1, boxes), "b.png": (sign, 1, boxes)})
    out = run / "out"
    assert call(out, "--to", "page,alto,icdar").exit_code == 0
    before = tree(out / "exports")
    (run / "pictures" / "b.png").unlink()
    assert call(out, "--to", "icdar").exit_code == 3
    del before["icdar/b.png.txt"]
    assert tree(out / "exports") == before
    assert export(open_run(out), ("alto", "hocr"), only_missing=True) == 1
    after = tree(out / "exports")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"hocr/a.png.hocr"}


def test_not_while_a_run_is_at_work(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]
) -> None:
    out = make_run({"a.png": (sign, 1, boxes)}) / "out"
    (out / ".locpipe").mkdir()
    with FileLock(out / ".locpipe" / "lock"):
        result = call(out, "--to", "icdar")
    assert result.exit_code == 75
    assert "another run is at work" in result.stderr


@pytest.mark.parametrize("file", ["exports", "exports/icdar"])
def test_an_output_that_cannot_be_written_gives_6(
    make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]], file: str
) -> None:
    out = make_run({"a.png": (sign, 1, boxes)}) / "out"
    (out / file).parent.mkdir(exist_ok=True)
    (out / file).touch()
    result = call(out, "--to", "icdar")
    assert result.exit_code == 6
    assert f"{out}/exports/icdar cannot be written" in result.stderr


@pytest.fixture
def all_exports(config: Config, pictures: Path) -> Config:
    """All formats of two of the pictures."""
    (pictures / "coffee.jpg").unlink()
    (pictures / "signs" / "text.PNG").unlink()
    output = OutputConfig(path=config.output.path, exports=tuple(EXPORTS))
    return config.model_copy(update={"output": output})


def test_a_run_writes_the_exports_that_the_command_would(
    all_exports: Config, pictures: Path, tree: Tree
) -> None:
    (pictures / "cut.jpg").write_bytes(b"no picture")
    execute(all_exports, Options(), RunExports)
    out = all_exports.output.path
    during = tree(out / "exports")
    assert "uzn/page.webp.uzn" in during
    export(open_run(out), EXPORTS)
    assert tree(out / "exports") == during


def test_exports_asked_for_later_are_added_and_nothing_is_inferred_again(
    config: Config, all_exports: Config, tree: Tree
) -> None:
    execute(config, Options(limit=1), RunExports)
    report = execute(all_exports, Options(), RunExports)
    assert (report["counts"]["done"], report["counts"]["up_to_date"]) == (1, 1)
    out = all_exports.output.path
    during = tree(out / "exports")
    export(open_run(out), EXPORTS)
    assert tree(out / "exports") == during
    execute(all_exports, Options(), RunExports)
    assert tree(out / "exports") == during


def test_ids_of_geojson_stay_over_a_second_run_though_the_order_changes(config: Config) -> None:
    output = config.output.model_copy(update={"exports": ("geojson",), "masks": False})

    def ids(direction: Direction) -> list[str]:
        boxes = config.boxes.model_copy(update={"direction": direction})
        updated = config.model_copy(update={"output": output, "boxes": boxes})
        execute(updated, Options(limit=1, force=True), RunExports)
        (file,) = output.path.rglob("*.geojson")
        return [feature["id"] for feature in json.loads(file.read_bytes())["features"]]

    first, again, mirrored = ids("ltr"), ids("ltr"), ids("rtl")
    assert again == first != mirrored
    assert sorted(mirrored) == sorted(set(first))


def test_a_picture_that_is_gone_before_its_export_gives_3(
    config: Config, all_exports: Config, pictures: Path, tree: Tree
) -> None:
    """One that is gone afterwards keeps its exports and is no failure."""
    execute(config, Options(), RunExports)
    (pictures / "page.webp").unlink()
    assert execute(all_exports, Options(), RunExports)["exit_code"] == 3
    out = all_exports.output.path
    assert json.loads((out / "run.json").read_bytes())["exit_code"] == 3
    during = tree(out / "exports")
    assert "icdar/signs/camera.bmp.txt" in during
    assert not [name for name in during if "page.webp" in name]
    (out / "boxes" / "page.webp.json").unlink()
    (pictures / "signs" / "camera.bmp").unlink()
    assert execute(all_exports, Options(), RunExports)["exit_code"] == 0
    assert "icdar/signs/camera.bmp.txt" in tree(out / "exports")


def test_a_picture_that_fails_now_loses_its_exports(all_exports: Config, pictures: Path) -> None:
    execute(all_exports, Options(), RunExports)
    (pictures / "page.webp").write_bytes(b"")
    execute(all_exports, Options(), RunExports)
    assert not list(all_exports.output.path.rglob("page.webp*"))
    assert list(all_exports.output.path.rglob("exports/page/signs/camera.bmp.xml"))


def test_a_name_too_long_for_an_export_is_one_failure_of_the_run(
    config: Config, pictures: Path
) -> None:
    for name in ("page.webp", "coffee.jpg", "signs/text.PNG"):
        (pictures / name).unlink()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(pictures / "signs" / "camera.bmp") as camera:
        camera.save(pictures / f"{'l' * 246}.jpg", exif=exif)
    output = OutputConfig(path=config.output.path, masks=False, exports=("uzn",))
    report = execute(config.model_copy(update={"output": output}), Options(), RunExports)
    assert (report["counts"]["done"], report["counts"]["failed"]) == (1, 1)
    (failure,) = open_run(config.output.path).failures
    assert (failure.stage, failure.error) == ("write", "ImageError")
    left = {file.name for file in (config.output.path / "exports" / "uzn").rglob("*.*")}
    assert left == {"camera.bmp.png", "camera.bmp.uzn"}
