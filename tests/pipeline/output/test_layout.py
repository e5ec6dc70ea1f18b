"""Where results lie, and that they are whole or absent."""

import errno
import math
import os
import posixpath
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.config.sections import OutputConfig
from locpipe.pipeline.output.layout import (
    KINDS,
    prepare_output,
    remove_results,
    result_path,
    sweep,
    wanted,
    write_atomically,
    write_json,
    write_lines,
)
from locpipe.stages.errors import ImageError, OutputError


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """A folder that is gone again before all JSON is held against the schema."""
    prepare_output(tmp_path / "out")
    yield tmp_path / "out"
    shutil.rmtree(tmp_path / "out")


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


def test_a_file_is_replaced_as_a_whole(output: Path) -> None:
    path = output / "boxes" / "deep" / "a.json"
    write_atomically(output, path, b"old")
    write_atomically(output, path, b"new")
    assert path.read_bytes() == b"new"
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = output / "a.json"
    write_atomically(output, path, b"old")

    def full(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        OutputError, match=r"output.path: .* \(No space left on device\); free space"
    ):
        write_atomically(output, path, b"new")
    assert path.read_bytes() == b"old"
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


def test_a_folder_that_goes_is_the_fault_of_no_picture(output: Path) -> None:
    shutil.rmtree(output / ".locpipe")
    with pytest.raises(OutputError, match=r"output.path: .*out cannot be written \(No such file"):
        write_atomically(output, output / "boxes" / "a.json", b"new")


def test_a_limit_on_the_size_of_files_is_the_fault_of_no_picture(output: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written \(File too large\)"):
            write_atomically(output, output / "a.json", b"new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_are_written_one_by_one_and_seen_together(output: Path) -> None:
    file = output / "lines.txt"

    def lines() -> Iterator[str]:
        for n in range(3):
            assert not file.exists()
            yield f"{n}\n"

    write_lines(output, file, lines())
    assert file.read_text() == "0\n1\n2\n"
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


def test_a_name_that_is_too_long_is_the_fault_of_the_picture(output: Path) -> None:
    with pytest.raises(ImageError, match=r"'aaa.* 300 bytes long, .*, more than .* rename the pic"):
        write_atomically(output, output / ("a" * 300), b"")


def test_folders_that_are_too_long_together_are_counted(output: Path) -> None:
    file = output.joinpath(*["d" * 240] * 17, "a.png.json")
    with pytest.raises(ImageError, match=rf"'a.png.json' .*, {len(str(file))} with its folders"):
        write_atomically(output, file, b"")


def test_json_is_ascii_and_keeps_any_name(output: Path) -> None:
    write_json(output, output / "a.json", {"path": "ü\udcff"})
    assert (output / "a.json").read_bytes() == b'{"path": "\\u00fc\\udcff"}\n'


def test_numbers_that_json_does_not_know_are_not_written(output: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(output, output / "a.json", {"score": math.nan})
    assert not (output / "a.json").exists()


def test_a_folder_in_the_place_of_one_file_is_no_fault_of_the_output(output: Path) -> None:
    (output / "a.json").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(output, output / "a.json", b"new")
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


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


def test_removing_takes_all_pages_of_one_picture_only(output: Path) -> None:
    write_page(output, "a.tif", 1)
    write_page(output, "a.tif", 2)
    write_page(output, "b.tif", 1)
    remove_results(output, "a.tif")
    left = [path.name for path in output.rglob("*.tif.*")]
    assert sorted(left) == ["b.tif.jpg", "b.tif.json", "b.tif.png", "b.tif.png"]


def test_removing_what_was_never_there_is_fine(output: Path) -> None:
    remove_results(output, "a" * 300)
