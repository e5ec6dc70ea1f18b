"""Nothing is written, emptied or removed through a link below an output."""

from collections.abc import Callable
from pathlib import Path

import pytest
from runs import run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.layout import remove_page
from locpipe.stages.errors import OutputError

IN_PLACE = [".locpipe/lock", ".locpipe/state.sqlite", ".locpipe/state.sqlite-journal"]
FOLDERS = [".locpipe", ".locpipe/tmp", "boxes", "boxes/signs", "masks", "exports", "exports/crops"]
LINKED = r"output.path: .* is a symbolic link, through which nothing is written; put a folder"


@pytest.fixture
def exporting(config: Config) -> Config:
    """It has run once, with exports."""
    config = with_(config, "output", exports=("hocr", "crops"))
    run(config)
    return config


def linked(output: Path, name: str) -> Path:
    """Move a file or folder of an output beside it, put a link in its place; return where it is."""
    elsewhere = output.with_name("elsewhere")
    if (output / name).exists():
        (output / name).rename(elsewhere)
    else:
        elsewhere.write_text("precious")
    if elsewhere.is_dir():
        (elsewhere / "precious.txt").write_text("precious")
    (output / name).symlink_to(elsewhere)
    return elsewhere


def content(place: Path) -> dict[str, bytes]:
    files = [place] if place.is_file() else place.rglob("*")
    return {str(file): file.read_bytes() for file in files if file.is_file()}


@pytest.mark.parametrize("name", [*FOLDERS, *IN_PLACE])
def test_a_run_leaves_alone_what_a_link_leads_to(exporting: Config, name: str) -> None:
    elsewhere = linked(exporting.output.path, name)
    before = content(elsewhere)
    with pytest.raises(OutputError, match=LINKED):
        run(exporting, force=True)
    assert content(elsewhere) == before


@pytest.mark.parametrize("name", ["exports", "exports/crops", "exports/crops/signs"])
def test_an_export_empties_no_folder_that_a_link_leads_to(exporting: Config, name: str) -> None:
    output = exporting.output.path
    elsewhere = linked(output, name)
    before = content(elsewhere)
    if name == "exports/crops/signs":  # the folder of the format is emptied, links and all
        export(open_run(output), ["crops"])
        assert not (output / name).is_symlink()
    else:
        with pytest.raises(OutputError, match=LINKED):
            export(open_run(output), ["crops"])
    assert content(elsewhere) == before


def test_nothing_is_removed_through_a_link(exporting: Config) -> None:
    elsewhere = linked(exporting.output.path, "boxes/signs")
    before = content(elsewhere)
    with pytest.raises(OutputError, match=LINKED):
        remove_page(exporting.output.path, "signs/text.PNG", 1)
    assert content(elsewhere) == before


def test_nothing_is_removed_outside_of_an_output(exporting: Config, tmp_path: Path) -> None:
    (tmp_path / "precious.json").touch()
    with pytest.raises(OutputError, match="lies outside of .*out, so nothing is written there"):
        remove_page(exporting.output.path, "../../precious", 1)
    assert (tmp_path / "precious.json").exists()


def test_a_link_in_the_place_of_a_result_is_replaced(
    exporting: Config, tree: Callable[[Path], dict[str, bytes]]
) -> None:
    output = exporting.output.path
    whole = tree(output)
    for name in ("boxes/coffee.jpg.json", "failures.jsonl", "run.json", "masks/coffee.jpg.png"):
        (output / name).unlink()
        (output.parent / "precious").write_text("precious")
        (output / name).symlink_to(output.parent / "precious")
    run(exporting, force=True)
    assert (output.parent / "precious").read_text() == "precious"
    assert tree(output) == whole


def test_the_output_itself_may_be_a_link(config: Config, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    config.output.path.symlink_to(tmp_path / "disk")
    assert run(config)["counts"]["done"] == 4
    assert run(config)["counts"]["up_to_date"] == 4
