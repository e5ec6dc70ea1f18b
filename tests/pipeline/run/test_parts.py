"""Parts of an input, done by runs that know nothing of each other, and what `merge` makes of them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from run_fixtures import quick
from runs import counts, run, with_

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.failures import read_failures
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.output.lock import LockedError, locked
from locpipe.pipeline.output.parts import InputPart, parts_begun
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preview import preview
from locpipe.pipeline.run.status import status, told
from locpipe.stages.errors import ConfigError
from locpipe.stages.settings import KeepSettings

Tree = Callable[[Path], dict[str, bytes]]
Start = Callable[..., subprocess.Popen[str]]
COUNT = 14


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, one of them of two pages, one damaged."""
    folder = tmp_path_factory.mktemp("some")
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    for n in range(COUNT - 2):
        Image.fromarray(np.roll(noise, n, 1)).save(folder / f"{n}.png")
    pages = [Image.new("L", (40 + n, 60), 200) for n in range(2)]
    pages[0].save(folder / "two.tif", save_all=True, append_images=pages[1:])
    (folder / "empty.png").touch()
    return folder


@pytest.fixture
def config(some: Path, tmp_path: Path) -> Config:
    return quick(some, tmp_path / "out")


def merge(output: Path) -> Any:
    return CliRunner().invoke(main, ["merge", str(output)])


def test_parts_run_at_once_do_each_picture_once_and_make_the_same_bytes(
    some: Path, tmp_path: Path, start_locpipe: Start, tree: Tree
) -> None:
    settings = ["input.path=" + str(some), "output.exports=[coco]", "run.workers=0"]
    given = [word for each in settings for word in ("--set", each)]
    whole, out = tmp_path / "a" / "out", tmp_path / "b" / "out"
    one = start_locpipe("run", "digits", *given, "--output", whole)
    three = [
        start_locpipe("run", "digits", *given, "--output", out, "--part", f"{n}/3")
        for n in (1, 2, 3)
    ]
    said = [process.communicate(timeout=120)[1] for process in (one, *three)]
    assert [one.returncode, sorted(each.returncode for each in three)] == [3, [0, 0, 3]], said
    of_parts = [json.loads((part.desk(out) / "run.json").read_bytes()) for part in parts_begun(out)]
    assert sum(each["counts"]["done"] for each in of_parts) == COUNT - 1
    assert told(status(out)).startswith(f"3 of 3 parts begun, none merged (locpipe merge); finished: {COUNT - 1} pictures done, 1 failed")  # fmt: skip

    result = merge(out)
    assert result.exit_code == 3, result.output
    assert tree(out) == tree(whole)
    report = json.loads((out / "run.json").read_bytes())
    alone = json.loads((whole / "run.json").read_bytes())
    assert (report["counts"], report["boxes"]) == (alone["counts"], alone["boxes"])
    assert report["stages"].keys() == alone["stages"].keys()
    assert told(status(out)).startswith(f"finished: {COUNT - 1} pictures done, 1 failed")
    assert len(list(open_run(out).pages())) == COUNT
    assert [each.path for each in read_failures(out / "failures.jsonl")] == ["empty.png"]


def test_what_was_merged_is_known_to_a_whole_run_and_to_other_parts(config: Config) -> None:
    for n in (1, 2):
        run(config, part=InputPart(2, n))
    assert merge(config.output.path).exit_code == 3
    report = run(config)
    assert counts(report) == {"found": COUNT, "up_to_date": COUNT - 1, "failed": 1}
    again = [counts(run(config, part=InputPart(3, n))) for n in (1, 2, 3)]
    assert sum(each.get("up_to_date", 0) for each in again) == COUNT - 1
    assert merge(config.output.path).exit_code == 3
    # It failed in three runs, whoever made them.
    assert next(read_failures(config.output.path / "failures.jsonl")).attempts == 3
    assert counts(run(config)) == {"found": COUNT, "up_to_date": COUNT - 1, "given_up": 1}


def test_a_whole_run_and_parts_keep_out_of_each_others_way(config: Config) -> None:
    output = config.output.path
    prepare_output(output)
    with locked(output), pytest.raises(LockedError, match="another run is at work here"):
        run(config, part=InputPart(2, 1))
    assert parts_begun(output) == []
    run(config, part=InputPart(2, 1))
    with pytest.raises(LockedError, match=r"\(--part 1/2\); wait .* locpipe merge "):
        run(config)
    with pytest.raises(LockedError, match=r"has parts of 2 \(--part 1/2\); give the same number"):
        run(config, part=InputPart(3, 1))
    assert parts_begun(output) == [InputPart(2, 1)]
    with pytest.raises(LockedError, match="locpipe merge"):
        open_run(output)
    with locked(InputPart(2, 1).desk(output)), pytest.raises(LockedError, match="another run"):
        run(config, part=InputPart(2, 1))


def test_merge_says_what_is_missing(config: Config) -> None:
    output = config.output.path
    assert "has no parts" in merge(output).output
    run(config, part=InputPart(3, 1))
    assert "2 parts were never run; run them first (--part 2/3, 3/3)" in merge(output).output
    for n in (2, 3):
        run(config, part=InputPart(3, n))
    desk = InputPart(3, 2).desk(output)
    with locked(desk):
        assert merge(output).exit_code == 75
    report = json.loads((desk / "run.json").read_bytes())
    for changed, message in (
        ({"state": "stopped"}, "is stopped; run it again to its end first"),
        ({"config_sha256": "0"}, "config_sha256 of --part 2/3 is not that of --part 1/3"),
    ):
        (desk / "run.json").write_text(json.dumps(report | changed))
        result = merge(output)
        assert (result.exit_code, message in result.output) == (2, True), result.output


def test_what_parts_left_out_is_told_as_by_one_run(config: Config, tmp_path: Path) -> None:
    strict = with_(config, "boxes", max=1, min_area=4.0, keep=KeepSettings(max_height=12))
    strict = with_(strict, "threshold", method="fixed", value=0.3)
    alone = run(with_(strict, "output", path=tmp_path / "whole"))
    parts = [run(strict, part=InputPart(3, n)) for n in (1, 2, 3)]
    assert merge(config.output.path).exit_code == 3
    report = json.loads((config.output.path / "run.json").read_bytes())
    for name in ("cut_by_boxes_max", "filtered"):
        assert report[name] == alone[name]
        assert sum(sum(part[name].values()) > 0 for part in parts) > 1


def test_a_merge_that_was_killed_can_be_repeated(
    config: Config, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    for n in (1, 2):
        run(config, part=InputPart(2, n))
    with monkeypatch.context() as patch:
        patch.setattr("locpipe.pipeline.run.merge.write_json", lambda *_: 1 / 0)
        assert merge(config.output.path).exit_code == 1
    assert len(parts_begun(config.output.path)) == 2
    assert merge(config.output.path).exit_code == 3
    assert tree(config.output.path).keys() >= {"boxes/0.png.json", "failures.jsonl"}
    assert counts(run(config))["up_to_date"] == COUNT - 1


def test_a_dry_run_of_a_part_tells_of_its_pictures_only(config: Config) -> None:
    told_of = [[key for key, _ in preview(config, Options(part=InputPart(2, n)))] for n in (1, 2)]
    assert sorted([*told_of[0], *told_of[1]]) == sorted(each.name for each in config.input.path.iterdir())  # fmt: skip
    assert all(told_of)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write K/N with K from 1 to N"):
        InputPart.parse(text)


def test_pages_of_a_file_and_what_is_called_like_one_are_of_one_part() -> None:
    for n in range(20):
        (part,) = (InputPart(7, k) for k in range(1, 8) if f"a{n}.tif" in InputPart(7, k))
        assert f"a{n}.tif.page-2" in part
