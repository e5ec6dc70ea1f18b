"""Names of results: relative to one root for an output, so that no picture takes those of another."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import boxes, counts, run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preview import preview
from locpipe.stages.errors import ConfigError

Tree = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def listed(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A list of one picture, and a current directory above it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("pictures/signs/camera.bmp\n")
    return with_(config, "input", path=Path("list.txt"))


def names(config: Config) -> list[str]:
    folder = config.output.path / "boxes"
    return sorted(str(file.relative_to(folder))[:-5] for file in folder.rglob("*.json"))


def remembered(config: Config) -> str:
    return str(json.loads((config.output.path / "run.json").read_bytes())["root"])


def forget(config: Config) -> None:
    """Have the output look as if a version had made it that remembers no root."""
    file = config.output.path / "run.json"
    report = json.loads(file.read_bytes())
    del report["root"], report["config"]["input"]["root"]
    file.write_text(json.dumps(report))


@pytest.mark.parametrize("line", ["pictures/coffee.jpg", "{here}/pictures/page.webp"])
def test_a_path_added_to_a_manifest_renames_nothing_and_is_all_there_is_to_do(
    listed: Config, tmp_path: Path, tree: Tree, line: str
) -> None:
    run(listed)
    assert names(listed) == ["pictures/signs/camera.bmp"]
    before = tree(listed.output.path)
    with (tmp_path / "list.txt").open("a") as manifest:
        manifest.write(line.format(here=tmp_path) + "\n")
    assert counts(run(listed)) == {"found": 2, "done": 1, "up_to_date": 1}
    after = tree(listed.output.path)
    assert before.items() <= after.items()
    assert len(names(listed)) == 2


def test_the_root_is_remembered(config: Config, listed: Config, tmp_path: Path) -> None:
    run(listed)
    assert remembered(listed) == str(tmp_path)
    for source, root in (
        (config.input.path, "pictures"),
        (config.input.path / "s*" / "*", "pictures"),
        (config.input.path / "signs" / "camera.bmp", "pictures/signs"),
    ):
        shutil.rmtree(config.output.path)
        run(with_(config, "input", path=source), limit=1)
        assert remembered(config) == str(tmp_path / root)


def test_another_root_is_refused_before_anything_is_overwritten(
    config: Config, tmp_path: Path, tree: Tree
) -> None:
    run(config, limit=1)
    before = tree(tmp_path)
    report = (config.output.path / "run.json").read_bytes()
    (tmp_path / "other").mkdir()
    shutil.copy(config.input.path / "signs" / "camera.bmp", tmp_path / "other" / "coffee.jpg")
    others = [tmp_path / "other", tmp_path / "other" / "*.jpg", tmp_path / "other" / "coffee.jpg"]
    for source in others:
        other = with_(config, "input", path=source)
        for attempt in (lambda: run(other), lambda: list(preview(other, Options()))):  # noqa: B023
            with pytest.raises(ConfigError, match=r"relative to .*/pictures, .* choose another"):
                attempt()
    shutil.rmtree(tmp_path / "other")
    assert tree(tmp_path) == before
    assert (config.output.path / "run.json").read_bytes() == report


def test_the_remedy_that_is_told_keeps_the_names(config: Config) -> None:
    run(config)
    part = with_(config, "input", path=config.input.path / "signs")
    with pytest.raises(ConfigError, match=rf"set input\.root={config.input.path}, or choose"):
        run(part)
    again = run(with_(part, "input", root=config.input.path))
    assert counts(again) == {"found": 2, "up_to_date": 2}
    (config.output.path / "run.json").unlink()
    run(part)
    assert "camera.bmp" in names(config)


def test_a_root_that_gave_no_result_binds_nobody(config: Config, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run(with_(config, "input", path=tmp_path / "empty"))
    assert run(config, limit=1)["exit_code"] == 0


def test_a_picture_named_like_a_page_of_another_is_refused(
    listed: Config, tmp_path: Path, tree: Tree
) -> None:
    shutil.copy("pictures/page.webp", "pictures/signs/camera.bmp.page-2")
    run(listed)
    before = tree(listed.output.path)
    with (tmp_path / "list.txt").open("a") as manifest:
        manifest.write("pictures/signs/camera.bmp.page-2\n")
    with pytest.raises(
        ConfigError, match=r"share the names of its results with pages of .*bmp; re"
    ):
        run(listed)
    assert tree(listed.output.path) == before


@pytest.mark.parametrize("pattern", ["", "s*/*", "signs/camera.bmp"])
def test_an_output_that_remembers_no_root_goes_on(config: Config, pattern: str) -> None:
    config = with_(config, "input", path=config.input.path / pattern)
    run(config)
    forget(config)
    assert {bool(page.key) for page in open_run(config.output.path).pages()} == {True}
    found = len(names(config))
    assert counts(run(config)) == {"found": found, "up_to_date": found}
    forget(config)
    with pytest.raises(ConfigError, match="choose another output"):
        run(with_(config, "input", root=config.input.path.parents[2]))


@pytest.mark.parametrize("pattern", ["", "coffee.jpg"])
def test_an_older_output_is_known_to_be_of_pictures_that_are_gone(
    config: Config, tmp_path: Path, pattern: str
) -> None:
    run(with_(config, "input", path=config.input.path / pattern))
    forget(config)
    config.input.path.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match=r"relative to .*/pictures, but .* choose another output"):
        run(with_(config, "input", path=tmp_path / "moved"))
    with pytest.raises(ConfigError, match=r"/pictures does not exist; say with --input where"):
        open_run(config.output.path)
    assert len(list(open_run(config.output.path, tmp_path / "moved").pages())) in (1, 4)


def test_an_older_output_of_a_list_keeps_the_folder_common_to_its_pictures(
    listed: Config, tmp_path: Path
) -> None:
    run(with_(listed, "input", root=Path("pictures/signs")))
    assert names(listed) == ["camera.bmp"]
    forget(listed)
    with (tmp_path / "list.txt").open("a") as manifest:
        manifest.write("pictures/signs/text.PNG\n")
    assert counts(run(listed)) == {"found": 2, "done": 1, "up_to_date": 1}
    assert remembered(listed) == str(tmp_path / "pictures" / "signs")
    assert boxes(listed, "text.PNG")["image"]["path"] == "text.PNG"


def test_pictures_of_a_list_are_found_after_the_run_wherever_one_is(
    listed: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(listed)
    monkeypatch.chdir("/")
    opened = open_run(listed.output.path)
    (page,) = opened.pages()
    assert opened.picture(page) == tmp_path / "pictures" / "signs" / "camera.bmp"
