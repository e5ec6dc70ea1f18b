"""Nothing is written, emptied or removed through a link below an output."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_fixtures import quick
from runs import run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.layout import remove_page
from locpipe.stages.errors import OutputError

PICTURES = ("coffee.png", "signs/text.png")
IN_PLACE = [".locpipe/lock", ".locpipe/state.sqlite", ".locpipe/state.sqlite-journal"]
FOLDERS = [".locpipe", ".locpipe/tmp", "boxes", "boxes/signs", "masks", "exports", "exports/crops"]
LINKED = r"output.path: .* is a symbolic link, through which nothing is written; put a folder"


@pytest.fixture(scope="module")
def exported_once(
    tmp_path_factory: pytest.TempPathFactory, photographs: dict[str, np.ndarray]
) -> Path:
    """`pictures/` and `out/`, with exports."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "pictures" / "signs").mkdir(parents=True)
    for name in PICTURES:
        Image.fromarray(photographs["text"]).save(folder / "pictures" / name)
    run(exporting_to(folder / "out", folder / "pictures"))
    return folder


def exporting_to(output: Path, pictures: Path) -> Config:
    return with_(quick(pictures, output), "output", exports=("hocr", "crops"))


@pytest.fixture
def exporting(exported_once: Path, tmp_path: Path) -> Config:
    """It has run once."""
    shutil.copytree(exported_once / "out", tmp_path / "out")
    return exporting_to(tmp_path / "out", exported_once / "pictures")


def linked(output: Path, name: str) -> Path:
    """Move a file or folder of an output beside it, put a link in its place; return where it is."""
    elsewhere = output.with_name("elsewhere")
    if name in IN_PLACE:
        (output / name).unlink(missing_ok=True)
        elsewhere.write_text("precious")
    else:
        (output / name).rename(elsewhere)
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
        remove_page(exporting.output.path, "signs/text.png", 1)
    assert content(elsewhere) == before


def test_nothing_is_removed_outside_of_an_output(exporting: Config, tmp_path: Path) -> None:
    (tmp_path / "precious.json").touch()
    with pytest.raises(OutputError, match=r"lies outside of .*out, so nothing is written there"):
        remove_page(exporting.output.path, "../../precious", 1)
    assert (tmp_path / "precious.json").exists()


def test_a_link_in_the_place_of_a_result_is_replaced(
    exporting: Config, tree: Callable[[Path], dict[str, bytes]]
) -> None:
    output = exporting.output.path
    run(exporting, force=True)
    whole = tree(output)
    for name in ("boxes/coffee.png.json", "failures.jsonl", "run.json", "masks/coffee.png.png"):
        (output / name).unlink()
        (output.parent / "precious").write_text("precious")
        (output / name).symlink_to(output.parent / "precious")
    run(exporting, force=True)
    assert (output.parent / "precious").read_text() == "precious"
    assert tree(output) == whole


def test_the_output_itself_may_be_a_link(exporting: Config) -> None:
    disk = exporting.output.path.rename(exporting.output.path.with_name("disk"))
    exporting.output.path.symlink_to(disk)
    assert run(exporting, force=True)["counts"]["done"] == len(PICTURES)
