"""Files are whole or absent, and on the disk before they are seen."""

import errno
import math
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from locpipe.pipeline.output.atomic import (
    Unsettled,
    replacing,
    settle,
    write_atomically,
    write_json,
    write_lines,
    write_named,
    write_whole,
)
from locpipe.stages.errors import ImageError, OutputError


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

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
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


def test_a_file_is_on_the_disk_before_it_takes_its_place(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = output / "a.json"
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append((os.fstat(number).st_ino, file.exists()))
    )
    write_json(output, file, {})
    assert synced == [(file.stat().st_ino, False)]


def test_folders_are_synced_together_up_to_the_output(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsettled = Unsettled(output)
    (output / "boxes" / "deep").mkdir(parents=True)
    unsettled.add(output / "boxes" / "deep" / f"{n}.json" for n in range(5))
    unsettled.add([output / "boxes" / "gone" / "a.json", output / "run.json"])
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    unsettled.settle()
    there = (output, output / "boxes", output / "boxes" / "deep")
    assert sorted(synced) == sorted(folder.stat().st_ino for folder in there)
    unsettled.settle()
    assert len(synced) == 3


def test_a_disk_that_breaks_is_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(number: int) -> None:
        raise OSError(number and errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OutputError, match="Input/output error"):
        settle(output, [output / "a.json"])


def test_a_link_takes_its_place_as_well(output: Path) -> None:
    with replacing(output, output / "link") as temporary:
        temporary.symlink_to("nowhere")
    assert (output / "link").readlink() == Path("nowhere")


def test_outside_of_an_output_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file.bin"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert [one.name for one in file.parent.iterdir()] == ["file.bin"]


def test_outside_of_an_output_the_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a file, no folder")
    with pytest.raises(OutputError, match=r"^/.*a/b cannot be written \(.+\); free space"):
        write_whole(tmp_path / "a" / "b", b"")


def test_outside_of_an_output_a_failed_write_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder cannot be written"):
        write_whole(tmp_path / "folder", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_somebody_named_is_replaced_and_a_link_or_device_stays(tmp_path: Path) -> None:
    named, link = tmp_path / "new" / "a.json", tmp_path / "link.json"
    write_named(named, b"first")
    link.symlink_to(named)
    write_named(link, b"second")
    assert (named.read_bytes(), link.is_symlink()) == (b"second", True)
    assert [file.name for file in named.parent.iterdir()] == ["a.json"]
    device = tmp_path / "null.json"
    device.symlink_to("/dev/null")
    write_named(device, b"gone")
    assert device.is_symlink()
    with pytest.raises(OutputError, match=r"a.json/b cannot be written .*; free space"):
        write_named(named / "b", b"")
