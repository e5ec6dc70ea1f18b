"""Which files of a source are pictures, and under which names."""

import json
import os
import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.sources.pictures import Pictures, open_source, passed_over
from locpipe.stages.errors import ConfigError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def source(path: Path, output: Path = Path("nowhere"), root: Path | None = None) -> Pictures:
    return open_source(path, output, root)


def keys(pictures: Pictures) -> list[str]:
    return sorted(picture.key for picture in pictures)


def test_a_folder_gives_known_extensions_in_any_case_and_counts_the_others(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.JPEG", tmp_path / "sub" / "deep" / "c.TiFf")
    touch(tmp_path / "notes.txt", tmp_path / "sub" / "a.jpg.bak", tmp_path / ".hidden.jpg")
    pictures = source(tmp_path)
    assert keys(pictures) == ["a.jpg", "b.JPEG", "sub/deep/c.TiFf"]
    assert pictures.ignored == {".txt": 1, ".bak": 1, "hidden": 1}
    assert keys(pictures) == ["a.jpg", "b.JPEG", "sub/deep/c.TiFf"]
    assert pictures.ignored == {".txt": 1, ".bak": 1, "hidden": 1}


def test_files_that_are_passed_over_are_told_by_their_extensions(tmp_path: Path) -> None:
    touch(*(tmp_path / f"{n}.ppm" for n in range(3)), *(tmp_path / f"{n}.PART" for n in range(2)))
    touch(tmp_path / "scan", tmp_path / "x.an extension this is not")
    pictures = source(tmp_path)
    assert passed_over(pictures.ignored, ()) == []
    assert keys(pictures) == []
    told = "7 files passed over: .ppm 3, .part 2, none 1, other 1"
    assert passed_over(pictures.ignored, ()) == [told]
    touch(*(tmp_path / f"a.{n}" for n in range(200)))
    assert keys(pictures) == []
    assert len(pictures.ignored) <= 101
    assert passed_over(pictures.ignored, ())[0].endswith(", …")


def test_keys_are_relative_and_paths_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "in" / "signs" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    (picture,) = source(Path("in"))
    assert (picture.key, picture.path) == ("signs/a.jpg", str(tmp_path / "in" / "signs" / "a.jpg"))


def test_a_folder_called_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path / "x.png" / "y.png")
    assert keys(source(tmp_path)) == ["x.png/y.png"]


def test_hidden_folders_are_passed_over_with_a_word(tmp_path: Path) -> None:
    touch(tmp_path / ".thumbnails" / "a.jpg", tmp_path / "a.jpg", tmp_path / "b" / ".c" / "d.jpg")
    pictures = source(tmp_path)
    assert keys(pictures) == ["a.jpg"]
    assert passed_over(pictures.ignored, ()) == ["2 hidden folders passed over"]
    touch(tmp_path / "x.ppm")
    assert keys(pictures) == ["a.jpg"]
    told = ["1 file passed over: .ppm 1", "2 hidden folders passed over"]
    assert passed_over(pictures.ignored, ()) == told


def test_results_of_a_run_are_no_pictures(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "out" / ".locpipe" / "lock", tmp_path / "out" / "overlays" / "a.jpg.jpg")
    assert keys(source(tmp_path)) == ["a.jpg"]


def make_run(folder: Path, sign: str) -> None:
    """What a run writes; it is told by its state or, where that was left behind, by its report."""
    for kind in ("masks", "overlays", "heatmaps", "exports/labelme", "exports/crops"):
        touch(folder / kind / "a.jpg")
    if sign == "state":
        touch(folder / ".locpipe" / "lock")
    elif sign == "report":
        (folder / "run.json").write_text('{"schema": "locpipe/run/1"}')


@pytest.mark.parametrize("sign", ["state", "report", "output"])
@pytest.mark.parametrize("pattern", ["", "**", "**/*.jpg", "*/*/*.jpg", "*.jpg"])
def test_results_below_the_source_are_passed_over_with_a_word(
    tmp_path: Path, pattern: str, sign: str
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "photos" / "out"
    touch(photos / "a.jpg", photos / "masks" / "mine" / "b.jpg")
    make_run(out, sign)
    output = out if sign == "output" else tmp_path / "nowhere"
    pictures = open_source(photos / pattern, output)
    expected = {"*.jpg": ["a.jpg"], "*/*/*.jpg": ["masks/mine/b.jpg"]}
    assert keys(pictures) == expected.get(pattern, ["a.jpg", "masks/mine/b.jpg"])
    assert pictures.results.found == (set() if pattern == "*.jpg" else {str(out)})
    told = passed_over({}, pictures.results.found)
    assert told == [f"results of runs passed over: {out}"] * (pattern != "*.jpg")


def test_a_source_travels_to_workers(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    pictures = source(tmp_path)
    assert keys(pictures) == keys(pickle.loads(pickle.dumps(pictures))) == ["a.jpg"]


@pytest.mark.parametrize("pattern", ["**/*.jpg", "*/*.jpg"])
def test_the_output_of_a_glob_may_be_where_it_begins(tmp_path: Path, pattern: str) -> None:
    make_run(tmp_path, "state")
    assert keys(open_source(tmp_path / pattern, tmp_path)) == []  # an empty inbox
    touch(tmp_path / "in" / "a.jpg")
    assert keys(open_source(tmp_path / pattern, tmp_path)) == ["in/a.jpg"]


@pytest.mark.parametrize("sign", ["state", "report", "output"])
@pytest.mark.parametrize(
    "name",
    ["masks", "overlays/a.jpg", "masks/*.jpg", "exports", "exports/labelme", "link", "list.txt"],
)
def test_results_as_the_input_are_refused(tmp_path: Path, name: str, sign: str) -> None:
    run = tmp_path / "r"
    make_run(run, sign)
    (run / "link").symlink_to(run / "heatmaps")
    (run / "list.txt").write_text(f"{tmp_path}/b.jpg\n{run}/masks/a.jpg\n")
    with pytest.raises(ConfigError, match=r"is results of a run, not pictures; name pictures"):
        keys(open_source(run / name, run if sign == "output" else tmp_path / "nowhere"))


@pytest.mark.parametrize("pattern", ["", "*/*.jpg", "**"])
def test_the_output_of_another_run_is_refused(tmp_path: Path, pattern: str) -> None:
    make_run(tmp_path / "r", "state")
    with pytest.raises(ConfigError, match=r"input.path: .*/r.* is results of a run"):
        source(tmp_path / "r" / pattern)


@pytest.mark.parametrize("name", ["", "a.jpg", "*.jpg", "list.txt"])
def test_crops_that_were_exported_may_be_the_input(tmp_path: Path, name: str) -> None:
    crops = tmp_path / "r" / "exports" / "crops"
    make_run(tmp_path / "r", "state")
    (crops / "list.txt").write_text(f"{crops}/a.jpg")
    assert keys(source(crops / name, root=crops)) == ["a.jpg"]


def test_the_folder_asked_for_is_scanned_even_when_it_holds_results(tmp_path: Path) -> None:
    touch(tmp_path / ".locpipe" / "lock", tmp_path / "a.jpg")
    pictures = source(tmp_path)
    assert keys(pictures) == ["a.jpg"]
    assert not pictures.ignored


def test_the_input_folder_itself_is_no_place_for_results(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"output.path: .* is also input.path.*locpipe"):
        source(tmp_path, tmp_path)


def test_a_folder_of_results_may_be_there_already(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "out" / ".locpipe" / "lock")
    assert keys(source(tmp_path / "in", tmp_path / "out")) == ["a.jpg"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "c.jpg").symlink_to(tmp_path / "in" / "a.jpg")
    assert keys(source(tmp_path / "in")) == ["a.jpg", "c.jpg", "other/b.jpg"]


def test_broken_links_count_as_pictures_so_that_they_are_told(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert keys(source(tmp_path)) == ["gone.jpg", "self.jpg"]


def test_pipes_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert keys(source(tmp_path)) == []


def test_a_folder_that_vanishes_is_handed_on_to_fail_by_name(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "x.jpg", tmp_path / "b" / "y.jpg")
    found = iter(source(tmp_path))
    assert next(found).key == "a/x.jpg"
    (tmp_path / "b" / "y.jpg").unlink()
    (tmp_path / "b").rmdir()
    assert [picture.key for picture in found] == ["b"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.jpg", ["a.jpg"]),
        ("in/**/*.jpg", ["a.jpg", "s/b.jpg", "s/t/c.jpg"]),
        ("in/s/**", ["b.jpg", "t/c.jpg"]),
        ("in/?/*", ["s/b.jpg"]),
        ("in/[r-t]/t/*.jpg", ["s/t/c.jpg"]),
        ("in/*/../*.jpg", ["a.jpg"]),
        ("in/*.png", []),
    ],
)
def test_a_glob_is_relative_to_its_fixed_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]
) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "s" / "b.jpg")
    touch(tmp_path / "in" / "s" / "t" / "c.jpg", tmp_path / "in" / "s" / "n.txt")
    monkeypatch.chdir(tmp_path)
    assert keys(source(Path(pattern))) == expected


def test_a_name_with_brackets_is_a_file_where_there_is_one(tmp_path: Path) -> None:
    touch(tmp_path / "a[1].jpg")
    assert keys(source(tmp_path / "a[1].jpg")) == ["a[1].jpg"]


def test_one_file_is_a_picture_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path / "scan.dat")
    assert keys(source(tmp_path / "scan.dat")) == ["scan.dat"]


@pytest.mark.parametrize(
    "pattern", ["**/**", "**/**/**/*.jpg", "**/a/**/*.jpg", "**/a/**/**", "a/**"]
)
def test_a_glob_lists_nothing_twice(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path / "a" / "a" / "a" / "x.jpg", tmp_path / "a" / "y.jpg", tmp_path / "a" / "n.txt")
    (tmp_path / "a" / "a" / "round").symlink_to(tmp_path / "a")
    pictures = open_source(tmp_path / pattern, tmp_path / "out", tmp_path)
    assert keys(pictures) == ["a/a/a/x.jpg", "a/y.jpg"]
    assert pictures.ignored.total() in (0, 1)


def test_a_source_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"input.path: .*/nowhere does not exist"):
        source(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"input.path: .*/nowhere/ does not exist"):
        source(tmp_path / "nowhere" / "*" / "*.jpg")


def test_a_manifest_and_its_keys_are_relative_to_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "lists" / "today.txt"
    manifest.parent.mkdir()
    manifest.write_bytes(b"\xef\xbb\xbfin/a.jpg\r\n\nin/sub/with space.jpg\n./in/sub/../b.dat")
    monkeypatch.chdir(tmp_path)
    assert {picture.key: picture.path for picture in source(manifest)} == {
        "in/a.jpg": f"{tmp_path}/in/a.jpg",
        "in/sub/with space.jpg": f"{tmp_path}/in/sub/with space.jpg",
        "in/b.dat": f"{tmp_path}/in/b.dat",
    }


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_a_line_of_blanks_is_no_picture(tmp_path: Path, kind: str) -> None:
    quote = '"' if kind == "jsonl" else ""
    manifest = tmp_path / f"list.{kind}"
    manifest.write_text(f"  \n{quote}/p/a.jpg{quote}\n\t\n \r\n")
    assert keys(source(manifest, root=Path("/"))) == ["p/a.jpg"]


def test_keys_are_relative_to_the_root_that_is_given(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "s" / "a.jpg")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/in/s/a.jpg\n")
    for name in ("in", "in/s", "in/s/a.jpg", "in/*/*.jpg", "list.txt"):
        assert keys(source(tmp_path / name, root=tmp_path)) == ["in/s/a.jpg"]
    with pytest.raises(ConfigError, match=r"input.root: .*/nowhere is no folder"):
        source(tmp_path / "in", root=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["in", "in/s/a.jpg", "in/*/*.jpg"])
def test_a_source_outside_of_the_root_is_told(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "in" / "s" / "a.jpg", tmp_path / "inn" / "b.jpg")
    with pytest.raises(ConfigError, match=r"lies outside of .*/inn, .* set input.root to a folder"):
        source(tmp_path / name, root=tmp_path / "inn")


def test_a_picture_of_a_list_outside_of_the_root_is_told_with_a_root_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_text("a.jpg\n\n../b.jpg\n/far/c.jpg\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigError, match=r"list.txt:3: .* outside of .*/here, .*input.root=/,"):
        source(manifest)


def test_a_root_that_is_named_through_a_link_is_the_same(tmp_path: Path) -> None:
    touch(tmp_path / "disk" / "s" / "a.jpg")
    (tmp_path / "link").symlink_to("disk")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/disk/s/a.jpg\n{tmp_path}/link/s/b.jpg\n")
    for root in ("disk", "link"):
        assert keys(source(tmp_path / "list.txt", root=tmp_path / root)) == ["s/a.jpg", "s/b.jpg"]


def test_a_json_manifest_takes_strings_and_objects(tmp_path: Path) -> None:
    manifest = tmp_path / "list.jsonl"
    lines = ["/p/a\nb.jpg", {"path": "/p/s/c.jpg", "more": 1}, "/p/\udcff.jpg"]
    manifest.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert keys(source(manifest, root=Path("/"))) == ["p/a\nb.jpg", "p/s/c.jpg", "p/\udcff.jpg"]


def test_a_text_manifest_may_name_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    manifest = tmp_path / "list.txt"
    manifest.write_bytes(b"/p/a\xff.jpg\n/p/b.jpg\n/p/c\rd.jpg\r\n")
    assert keys(source(manifest, root=Path("/"))) == ["p/a\udcff.jpg", "p/b.jpg", "p/c\rd.jpg"]


NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: b"/" not in name and b"\0" not in name and not name.startswith(b".")
)


@given(names=st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_any_bytes_in_names_come_back_as_they_are(names: list[tuple[bytes, bytes]]) -> None:
    expected = {folder + b"/" + name + b".jpg" for folder, name in names}
    with tempfile.TemporaryDirectory() as root:
        touch(*(Path(root, os.fsdecode(path)) for path in expected))
        found = list(source(Path(root)))
        assert {os.fsencode(picture.key) for picture in found} == expected
        assert all(Path(picture.path) == Path(root, picture.key) for picture in found)
