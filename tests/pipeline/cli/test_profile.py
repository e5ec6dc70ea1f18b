"""`locpipe profile` measures a few pictures and writes nothing."""

import json
import shutil
import tarfile
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from locpipe.pipeline.cli.main import main

SAMPLES = Path(__file__).resolve().parents[3] / "data" / "samples"
STAGES = ["load", "infer", "heatmap", "threshold", "boxes", "masks", "overlays"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("coffee.png", "astronaut.png"):
        shutil.copy(SAMPLES / name, folder)
    return folder


def profile(folder: Path, *arguments: str | Path) -> Result:
    """Run the command in an empty folder, which stays empty; the process has torch loaded already."""
    empty = folder / "empty"
    empty.mkdir()
    with chdir(empty):
        done = CliRunner().invoke(main, ["profile", *map(str, arguments)])
    assert list(empty.iterdir()) == []
    return done


def test_json_has_the_shares_of_all_stages(two: Path, tmp_path: Path) -> None:
    done = profile(tmp_path, "text", "--input", two, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["stage"] for each in found["stages"]] == STAGES
    assert sum(each["share"] for each in found["stages"]) == pytest.approx(100)
    assert all(each["seconds"] > 0 for each in found["stages"])
    assert (found["schema"], found["pages"], found["failed"]) == ("locpipe/profile/1", 2, 0)
    assert found["megapixels"] == pytest.approx((600 * 400 + 512 * 512) / 1e6)
    assert found["megapixels"] < found["megapixels_shown"] <= found["megapixels_computed"]
    seconds = found["stages"][STAGES.index("infer")]["seconds"]
    computed = found["gmac_per_megapixel_shown"] * found["megapixels_computed"]
    assert found["gflop_per_second"] == pytest.approx(2 * computed / seconds)
    reached = found["gflop_per_second"] / found["ceiling_gflop_per_second"]
    assert found["share_of_ceiling"] == pytest.approx(100 * reached)
    assert 0 < reached < 2  # others may slow either down
    assert found["peak_memory"] > 2**26
    assert any("infer.enlarge_to=2.0" in line for line in found["advice"])


def test_the_table_has_the_same(two: Path, tmp_path: Path) -> None:
    done = profile(tmp_path, "text", "--input", two, "--limit", "1", "--set", "output.overlays=false")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    table, facts, advice = done.stdout.split("\n\n")
    rows = [line.split() for line in table.splitlines()[1:]]
    assert [row[0] for row in rows] == STAGES[:-1]
    assert sum(float(row[2]) for row in rows) == pytest.approx(100, abs=0.5)
    named = [line.split()[0] for line in facts.splitlines()]
    assert named == ["pages", "network", "inference", "outside", "start-up", "memory"]
    assert "GMAC per megapixel" in facts
    assert advice.startswith("- ")
    assert "% is inference, at" in advice


@pytest.mark.parametrize(
    ("kind", "said"),
    [("folder", "'bad.png', page 1: "), ("tar", "bad.png', page 1: "), ("list", "'two.jsonl:3': ")],
)
def test_a_picture_that_cannot_be_read_is_told_and_the_others_are_measured(
    two: Path, tmp_path: Path, kind: str, said: str
) -> None:
    given = two
    names = sorted(path.name for path in two.iterdir())
    if kind == "list":
        given = two / "two.jsonl"
        given.write_text("".join(f"{json.dumps(str(two / name))}\n" for name in names) + "{\n")
    else:
        (two / "bad.png").write_bytes(b"no picture")
    if kind == "tar":
        given = tmp_path / "two.tar"
        with tarfile.open(given, "w") as tar:
            for name in (*names, "bad.png"):
                tar.add(two / name, name)
    root = ("--set", f"input.root={two}") if kind == "list" else ()
    done = profile(tmp_path, "digits", "--input", given, "--json", *root)
    assert done.exit_code == 3
    assert said in done.stderr
    found = json.loads(done.stdout)
    assert (found["pages"], found["failed"]) == (2, 1)


def test_where_every_picture_fails_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = profile(tmp_path, "digits", "--input", tmp_path / "bad.png")
    assert (done.exit_code, done.stdout) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("digits", "--input", "."), 4, "no picture at ."),
        (("digits", "--input", "nowhere"), 2, "nowhere"),
        (("digits", "--set", "boxes.min_arae=1"), 2, "min_area"),
        (("digits", "--set", "model=nobody"), 5, "nobody"),
        (("digits", "--limit", "0"), 2, "--limit"),
    ],
)
def test_errors_have_the_exit_codes_of_a_run(
    arguments: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["profile", *arguments])
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
