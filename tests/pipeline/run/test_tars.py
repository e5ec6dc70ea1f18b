"""Tars as img2dataset writes them are read where they lie, and bad lines of lists fail alone."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image
from run_fixtures import quick
from runs import counts, failures, run, with_

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.run.summary import one_line
from locpipe.pipeline.sources.members import copy_of, members_of

Tree = Callable[[Path], dict[str, bytes]]


def png(n: int) -> bytes:
    noise = np.random.default_rng(n).integers(0, 255, (60, 80, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def pack(tar: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(tar, "w") as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


@pytest.fixture
def tars(tmp_path: Path) -> Path:
    """Two tars beside what img2dataset writes, one of them with a damaged picture."""
    folder = tmp_path / "tars"
    folder.mkdir()
    for n in (0, 1):
        files = {f"{n}000{k}.{kind}": png(10 * n + k) if kind == "jpg" else b"{}" for k in range(3) for kind in ("jpg", "json", "txt")}  # fmt: skip
        pack(folder / f"0000{n}.tar", files | ({"10009.jpg": b"no picture"} if n else {}))
        (folder / f"0000{n}_stats.json").touch()
    return folder


@pytest.fixture
def config(tars: Path, tmp_path: Path) -> Config:
    return quick(tars / "*.tar", tmp_path / "out")


def test_members_give_the_results_of_the_same_files(
    config: Config, tars: Path, tmp_path: Path, tree: Tree
) -> None:
    assert counts(run(config)) == {"found": 7, "ignored": 12, "done": 6, "failed": 1}
    assert [(each["path"], str(tars / "00001.tar" / "10009.jpg") in each["message"]) for each in failures(config)] == [("00001.tar/10009.jpg", True)]  # fmt: skip
    assert "/proc/" not in failures(config)[0]["message"]
    for tar in tars.glob("*.tar"):
        with tarfile.open(tar) as file:
            file.extractall(tmp_path / "files" / tar.name, filter="data")
    as_files = quick(tmp_path / "files", tmp_path / "other")
    run(as_files)
    one, other = tree(config.output.path), tree(as_files.output.path)
    assert {name: one[name] for name in one if name != "failures.jsonl"} == {name: other[name] for name in other if name != "failures.jsonl"}  # fmt: skip
    assert counts(run(config))["up_to_date"] == 6


def test_a_tar_that_is_written_again_is_looked_at_again(config: Config, tars: Path) -> None:
    run(config)
    pack(tars / "00000.tar", {"00000.jpg": png(0), "00001.jpg": png(99), "new.jpg": png(5)})
    assert counts(run(with_(config, "run", max_attempts=1))) == {"found": 7, "ignored": 6, "kept": 1, "done": 2, "up_to_date": 3, "given_up": 1}  # fmt: skip


def test_commands_that_need_the_pictures_find_them(config: Config, tars: Path) -> None:
    run(config)
    assert export(open_run(config.output.path), ("hocr", "crops", "uzn")) == 0
    assert (config.output.path / "exports" / "hocr" / "00000.tar" / "00000.jpg.png").is_file()
    said = CliRunner().invoke(main, ["report", str(config.output.path), "-q"])
    assert said.exit_code == 0, said.output
    said = CliRunner().invoke(main, ["prune", str(config.output.path)])
    assert "nothing to remove" in said.output
    pack(tars / "00000.tar", {"00001.jpg": png(1), "00002.jpg": png(2)})
    said = CliRunner().invoke(main, ["prune", str(config.output.path), "--yes"])
    assert said.output.splitlines()[0] == "'00000.tar/00000.jpg'"


def test_a_tar_that_is_cut_short_or_leads_out_costs_only_what_is_lost(
    config: Config, tars: Path
) -> None:
    whole = (tars / "00000.tar").read_bytes()
    (tars / "00000.tar").write_bytes(whole[: len(whole) // 2])
    pack(tars / "00001.tar", {"../../x.jpg": png(0), "/x.jpg": png(0), "a/../x.jpg": png(0), "a/b.jpg": png(1)})  # fmt: skip
    report = run(config)
    assert report["counts"]["done"] >= 2
    said = {each["path"]: each["message"] for each in failures(config)}
    assert "leads out of it" in said["00001.tar/member 1"]
    assert "pack" in " ".join(said[name] for name in said if name.startswith("00000.tar"))
    assert not list(config.output.path.parent.glob("x.jpg*"))


def test_bad_lines_of_a_list_fail_alone(tars: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(3))
    lines = [str(tmp_path / "a.png"), None, str(tars / "00000.tar"), ""]
    pq.write_table(pa.table({"path": lines}), tmp_path / "list.parquet")
    (tmp_path / "list.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    for name in ("list.parquet", "list.jsonl"):
        config = with_(quick(tmp_path / name, tmp_path / f"of-{name}"), "input", root=tmp_path)
        report = run(config)
        assert (report["exit_code"], counts(report)) == (
            3,
            {"found": 6, "ignored": 6, "done": 4, "failed": 2},
        )
        assert [each["path"] for each in failures(config)] == [f"{name}:2", f"{name}:4"]
        assert f"{name}:2: no path in" in failures(config)[0]["message"]
        assert counts(run(config)) == {"found": 6, "ignored": 6, "failed": 2, "up_to_date": 4}


def test_members_that_are_passed_over_are_told(tmp_path: Path) -> None:
    names = ("a.cr2", "b.CR2", "c.jpg", "d/.e.jpg", "scan", "d/f.txt")
    pack(tmp_path / "a.tar", dict.fromkeys(names, png(1)))
    with tarfile.open(tmp_path / "a.tar", "a") as file:
        for kind, name in ((tarfile.LNKTYPE, "link.jpg"), (tarfile.DIRTYPE, "folder.jpg"), (tarfile.REGTYPE, "c.jpg")):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "c.jpg"
            file.addfile(info)
    config = quick(tmp_path / "a.tar", tmp_path / "out")
    told = "7 files passed over: .cr2 2, .txt 1, hidden 1, link 1, none 1, twice 1"
    preview = CliRunner().invoke(main, ["run", "digits", "--input", str(tmp_path / "a.tar"), "--output", str(tmp_path / "out"), "--dry-run"])  # fmt: skip
    assert preview.stderr.splitlines() == [told]
    report = run(config)
    assert (report["exit_code"], report["counts"]["found"]) == (0, 1)
    assert f"; {told}; " in one_line(report)


def test_thousands_of_members_are_found_in_order_and_no_member_costs_much(tmp_path: Path) -> None:
    tar = tmp_path / "a.tar"
    names = [f"{n:06}.jpg" for n in range(2000)]
    pack(tar, dict.fromkeys(names, b"x" * 10))
    assert [each.name for each in members_of(str(tar))] == names
    copy = copy_of(tar / names[-1])
    assert copy is not None
    with copy:
        assert copy.path.read_bytes() == b"x" * 10
