"""Damaged and hostile pictures are refused, and whatever else becomes of them is counted."""

import os
import sys
from itertools import islice
from pathlib import Path

import pytest
from mutated_files import mutated, real_files
from mutations import MEMORY, all_branches, report, try_all

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux"),
]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return real_files()


def test_a_thousand_mutated_files_are_decoded_or_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    """`benchmarks/mutations.py` does 20,000."""
    tally = try_all(mutated(files, 1000, 2), tmp_path)
    assert tally.wrong == []
    assert tally.kinds.total() == 1000
    assert {"bomb", "circle", "huge_profile", "huge_exif", "long_line", "many_pages"} <= set(
        tally.kinds
    )
    assert 200 < tally.decoded < 800


def test_the_real_files_are_decoded_and_their_branches_are_counted(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    unchanged = ((f"0-none-{name}", content) for name, content in files.items())
    tally = try_all(unchanged, tmp_path, traced=len(files))
    assert (tally.wrong, tally.decoded) == ([], len(files))
    assert tally.branches <= all_branches()
    assert len(tally.branches) > 0.4 * len(all_branches())


def test_the_same_seed_gives_the_same_files(files: dict[str, bytes]) -> None:
    first, again, other = (list(islice(mutated(files, 100, seed), 80)) for seed in (0, 0, 1))
    assert first == again != other


PLANTED = f"""
import os, time
from locpipe.stages import load
real = load.load
def planted(path, **how):
    if "crash" in path.name:
        raise ValueError("planted")
    if "death" in path.name:
        os._exit(7)
    if "hang" in path.name:
        time.sleep(3600)
    if "memory" in path.name:
        bytearray({2 * MEMORY} * 2**20)
    return real(path, **how)
load.load = planted
"""


def test_whatever_must_not_happen_is_counted(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, kept = tmp_path / "site", tmp_path / "kept"
    site.mkdir()
    kept.mkdir()
    (site / "sitecustomize.py").write_text(PLANTED)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setattr("mutations.SECONDS", 5)
    names = ["0-none-crash", "1-none-death", "2-none-hang", "3-none-memory", "4-none-good"]
    tally = try_all(((name, files["plain.png"]) for name in names), kept)
    said = [one.split(": ", 2)[:2] for one in tally.wrong]
    kinds = ["crash", "death", "hang", "memory"]
    assert said == [list(pair) for pair in zip(names[:4], kinds, strict=True)]
    assert sorted(path.name for path in kept.iterdir()) == names[:4], "they are kept to look at"
    assert tally.decoded == 1
    told = report(tally, 0, 3)
    assert "| hang | 1 |" in told
    assert "- 0-none-crash: crash: ValueError: planted" in told
