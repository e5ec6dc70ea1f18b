"""Where results lie."""

import posixpath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.config.sections import OutputConfig
from locpipe.pipeline.output.atomic import write_atomically
from locpipe.pipeline.output.layout import (
    KINDS,
    prepare_output,
    remove_page,
    result_path,
    sweep,
    wanted,
)
from locpipe.stages.errors import OutputError


def test_the_output_tree_mirrors_the_keys() -> None:
    assert str(result_path(Path("o"), "boxes", "signs/a.jpg", 1)) == "o/boxes/signs/a.jpg.json"
    assert str(result_path(Path("o"), "masks", "a.tif", 2)) == "o/masks/a.tif.page-2.png"
    assert str(result_path(Path("o"), "overlays", "a.tif", 1)) == "o/overlays/a.tif.jpg"


PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(
    lambda part: part not in {".", ".."}
)
KEYS = st.lists(PARTS, min_size=1, max_size=3).map("/".join).map(lambda key: f"{key}.tif")
PAGES = st.integers(1, 20)


@given(first=st.tuples(KEYS, PAGES), second=st.tuples(KEYS, PAGES), kind=st.sampled_from([*KINDS]))
def test_no_two_pages_share_a_file_and_all_lie_in_the_folder_of_their_kind(
    first: tuple[str, int], second: tuple[str, int], kind: str
) -> None:
    paths = [result_path(Path("/o"), kind, *page) for page in (first, second)]
    assert (paths[0] == paths[1]) == (first == second)
    assert all(posixpath.normpath(path).startswith(f"/o/{kind}/") for path in map(str, paths))


@pytest.mark.parametrize("bad", ["file", "file/below"])
def test_an_output_that_cannot_be_is_told_before_anything_starts(tmp_path: Path, bad: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"output.path: .* cannot be written \(.*\); free space"):
        prepare_output(tmp_path / bad)


def test_an_output_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    prepare_output(tmp_path)
    prepare_output(tmp_path)
    assert (tmp_path / "mine.txt").exists()


def test_sweeping_drops_what_a_killed_run_left(output: Path) -> None:
    (output / ".locpipe" / "tmp" / "123-4").write_bytes(b"half")
    sweep(output)
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


def test_only_what_is_asked_for_is_wanted(tmp_path: Path) -> None:
    output = OutputConfig(path=tmp_path, masks=False, heatmaps=True)
    assert [path.relative_to(tmp_path).parts[0] for path in wanted(output, "a.jpg", 1)] == [
        "boxes",
        "heatmaps",
    ]


def write_page(output: Path, key: str, page: int) -> None:
    for kind in KINDS:
        write_atomically(output, result_path(output, kind, key, page), b"")


def test_removing_takes_all_results_of_one_page_only(output: Path) -> None:
    write_page(output, "a.tif", 1)
    write_page(output, "a.tif", 2)
    write_page(output, "b.tif", 1)
    assert remove_page(output, "a.tif", 1)
    left = {path.name.rpartition(".")[0] for path in output.rglob("*.tif.*")}
    assert left == {"a.tif.page-2", "b.tif"}


def test_removing_what_was_never_there_is_fine(output: Path) -> None:
    assert not remove_page(output, "a" * 300, 1)
