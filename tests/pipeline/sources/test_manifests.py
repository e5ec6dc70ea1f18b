"""Lists of pictures: what is wrong with a line is told of that line, and the others count."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from locpipe.pipeline.sources.pictures import Pictures, open_source
from locpipe.stages.errors import ConfigError


def source(manifest: Path) -> Pictures:
    return open_source(manifest, Path("nowhere"), Path("/"))


def faults(manifest: Path) -> list[tuple[str, str]]:
    return [(each.key, each.fault) for each in source(manifest) if each.fault]


@pytest.mark.parametrize("line", ["{", "3", "null", '{"file": "a.jpg"}', '""', '{"path": 3}', '"\\u0000"', "[" * 9999])  # fmt: skip
def test_a_wrong_line_of_json_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(f'"/p/a.jpg"\n{line}\n"/p/b.jpg"\n')
    ((key, fault),) = faults(manifest)
    assert key == "list.jsonl:2"
    assert fault.startswith(f"{manifest}:2: ")
    assert [each.key for each in source(manifest) if not each.fault] == ["p/a.jpg", "p/b.jpg"]


@pytest.mark.parametrize("content", [b"/p/a.jpg\0/p/b.jpg\0", b"{}\0\n"])
def test_a_list_without_a_right_line_is_refused(content: bytes, tmp_path: Path) -> None:
    """That of `find -print0` is one line."""
    manifest = tmp_path / "list.txt"
    manifest.write_bytes(content)
    with pytest.raises(ConfigError, match=r"list.txt:\d: a path has no NUL byte"):
        source(manifest)


def test_many_lines_of_parquet_with_ten_bad_ones(tmp_path: Path) -> None:
    manifest = tmp_path / "list.parquet"
    paths = [f"/p/{n}.jpg" if n % 2_000 else None for n in range(20_000)]
    pq.write_table(pa.table({"more": range(20_000), "path": paths}), manifest)
    found = list(source(manifest))
    assert len(found) == 20_000
    assert [each.key for each in found if each.fault] == [f"list.parquet:{n * 2_000 + 1}" for n in range(10)]  # fmt: skip
    assert found[1].path == "/p/1.jpg"


def test_many_lines_of_json_with_ten_bad_ones(tmp_path: Path) -> None:
    manifest = tmp_path / "list.jsonl"
    with manifest.open("w") as file:
        file.writelines(json.dumps(f"/p/{n}.jpg") + "\n" if n % 2_000 else "{\n" for n in range(20_000))  # fmt: skip
    assert [key for key, _ in faults(manifest)] == [f"list.jsonl:{n * 2_000 + 1}" for n in range(10)]  # fmt: skip


@pytest.mark.parametrize("kind", ["txt", "jsonl", "parquet"])
def test_a_wrong_url_fails_alone_and_is_not_shown(tmp_path: Path, kind: str) -> None:
    manifest = tmp_path / f"list.{kind}"
    lines = ["/p/a.jpg", "https://u:hush@h/b.jpg", "s3://h/../c.jpg", "/p/d.jpg"]
    if kind == "parquet":
        pq.write_table(pa.table({"path": lines}), manifest)
    else:
        manifest.write_text("".join(f"{json.dumps(line) if kind == 'jsonl' else line}\n" for line in lines))  # fmt: skip
    (password, name) = faults(manifest)
    assert password[0] == f"list.{kind}:2"
    assert password[1].startswith(f"{manifest}:2: the URL has a user or a password")
    assert "hush" not in password[1]
    assert name[1].startswith(f"{manifest}:3: the URL has an empty name")
    assert [each.key for each in source(manifest) if not each.fault] == ["p/a.jpg", "p/d.jpg"]


def test_parquet_without_the_column_or_that_is_none_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "list.parquet"
    pq.write_table(pa.table({"url": ["a"], "key": ["b"]}), manifest)
    with pytest.raises(ConfigError, match=r"no column 'path', but url, key; rename"):
        source(manifest)
    manifest.write_bytes(b"PAR1 no")
    with pytest.raises(ConfigError, match="is no Parquet"):
        source(manifest)


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"pip install 'locpipe\[shards\]'"):
        source(tmp_path / "list.parquet")
