"""Reading a run: what is written, what is skipped, and what happens when something is wrong."""

import json
import os
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner, Result
from runs import counts

import locpipe
from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.sections import RunConfig
from locpipe.pipeline.ocr.run import ReadOptions, execute
from locpipe.pipeline.ocr.settings import ReadConfig
from locpipe.pipeline.ocr.worker import Reader, ReadJob
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.lock import locked
from locpipe.pipeline.workers.cluster import open_client
from locpipe.pipeline.workers.dispatch import dispatch
from locpipe.pipeline.workers.signals import Stop
from locpipe.stages.errors import ConfigError, OutputError

HERE = RunConfig(workers=0)
SCHEMA = json.loads(files("locpipe.pipeline.output").joinpath("schemas/read-1.json").read_text())


def read(run: Path, **options: Any) -> dict[str, Any]:
    return execute(run, ReadConfig(), ReadOptions(workers=HERE, **options))


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["read", *map(str, arguments)])


def written(run: Path) -> dict[str, bytes]:
    folder = run / "read"
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture
def times(run: Path) -> Callable[[], dict[str, int]]:
    return lambda: {name: (run / "read" / name).stat().st_mtime_ns for name in written(run)}


def test_every_page_becomes_text_json_hocr_and_alto(run: Path) -> None:
    boxes = {file: file.read_bytes() for file in run.rglob("boxes/**/*.json")}
    assert counts(read(run)) == {"pages": 3, "done": 3}
    found = written(run)
    names = ("a.png", "c.png", "inside/b.jpg")
    assert set(found) == {f"{name}.{end}" for name in names for end in ("txt", "json", "hocr", "xml")}  # fmt: skip
    assert found["a.png.txt"] == b"Harbour street\nmarket\n"
    assert found["inside/b.jpg.txt"] == b"Station\n"
    assert found["c.png.txt"] == b""
    assert {file: file.read_bytes() for file in boxes} == boxes, "the boxes are untouched"


def test_the_json_has_text_and_confidence_by_box_and_line(run: Path) -> None:
    read(run)
    for file in (run / "read").rglob("*.json"):
        jsonschema.validate(json.loads(file.read_bytes()), SCHEMA)
    document = json.loads((run / "read" / "a.png.json").read_bytes())
    boxes = json.loads((run / "boxes" / "a.png.json").read_bytes())
    assert document["image"] == boxes["image"]
    assert [box["text"] for box in document["boxes"]] == ["Harbour", "street", "market"]
    for read_box, box in zip(document["boxes"], boxes["boxes"], strict=True):
        assert {name: read_box[name] for name in box} == box
        assert read_box["counts"]
        assert 0.5 < read_box["confidence"] <= 1
    assert [(line["text"], line["boxes"]) for line in document["lines"]] == [
        ("Harbour street", [0, 1]),
        ("market", [2]),
    ]
    assert document["text"] == "Harbour street\nmarket\n"


def test_hocr_and_alto_hold_the_text_and_name_the_picture(run: Path) -> None:
    read(run)
    alto = ET.parse(run / "read" / "inside" / "b.jpg.xml")
    space = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}
    (word,) = alto.iterfind(".//a:String", space)
    assert word.get("CONTENT") == "Station"
    name = alto.findtext(".//a:fileName", None, space)
    assert name is not None
    assert (
        run / "read" / "inside" / name
    ).resolve() == run.parent / "pictures" / "inside" / "b.jpg"
    hocr = (run / "read" / "a.png.hocr").read_text()
    assert all(f">{word}</span>" in hocr for word in ("Harbour", "street", "market"))


def test_the_second_time_there_is_nothing_to_do(
    run: Path, times: Callable[[], dict[str, int]]
) -> None:
    read(run)
    before = times()
    assert counts(read(run)) == {"pages": 3, "up_to_date": 3}
    assert times() == before
    assert counts(read(run, force=True)) == {"pages": 3, "done": 3}
    assert times() != before


@pytest.mark.parametrize(
    "missing",
    [
        "a.png.txt",
        *(pytest.param(f"a.png.{one}", marks=pytest.mark.long) for one in ("hocr", "xml")),
        "a.png.json",
    ],
)
def test_what_a_kill_left_half_done_is_done_again(run: Path, missing: str) -> None:
    read(run)
    before = written(run)
    (run / "read" / missing).unlink()
    assert counts(read(run)) == {"pages": 3, "up_to_date": 2, "done": 1}
    assert written(run) == before


def test_damaged_json_is_made_again(run: Path) -> None:
    read(run)
    before = written(run)
    (run / "read" / "a.png.json").write_text('{"schema"')
    (run / "read" / "c.png.json").write_text("[]")
    assert counts(read(run)) == {"pages": 3, "up_to_date": 1, "done": 2}
    assert written(run) == before


def test_other_boxes_are_read_again(run: Path) -> None:
    read(run)
    file = run / "boxes" / "a.png.json"
    document = json.loads(file.read_bytes())
    del document["boxes"][1:]
    file.write_text(json.dumps(document))
    assert counts(read(run)) == {"pages": 3, "up_to_date": 2, "done": 1}
    assert written(run)["a.png.txt"] == b"Harbour\n"


def test_texts_of_pages_that_are_gone_go_too(run: Path) -> None:
    read(run)
    (run / "boxes" / "inside" / "b.jpg.json").unlink()
    assert counts(read(run)) == {"pages": 2, "up_to_date": 2}
    assert not [name for name in written(run) if name.startswith("inside")]
    assert "a.png.txt" in written(run)


def test_other_settings_read_everything_again(run: Path) -> None:
    read(run)
    config = ReadConfig(min_confidence=1.0)
    report = execute(run, config, ReadOptions(workers=HERE))
    assert counts(report) == {"pages": 3, "done": 3}
    document = json.loads((run / "read" / "a.png.json").read_bytes())
    assert not any(box["counts"] for box in document["boxes"])
    assert document["boxes"][0]["text"] == "Harbour", "what was read stays, it only does not count"
    assert (document["text"], document["lines"][0]["confidence"]) == ("", 0)
    assert "Harbour" not in (run / "read" / "a.png.hocr").read_text()


def test_lines_are_read_as_a_whole_and_their_boxes_get_their_words(run: Path) -> None:
    read(run)
    by_word = written(run)
    assert call(run, "--workers", "0", "--unit", "line").exit_code == 0
    assert json.loads((run / "read.json").read_bytes())["config"]["unit"] == "line"
    document = json.loads(written(run)["a.png.json"])
    assert [box["text"] for box in document["boxes"]] == ["Harbour", "street", "market"]
    assert [line["text"] for line in document["lines"]] == ["Harbour street", "market"]
    assert written(run)["a.png.txt"] == by_word["a.png.txt"]
    assert written(run)["a.png.json"] != by_word["a.png.json"]
    assert counts(locpipe.read(run, unit="line", workers=0).document) == {"pages": 3, "up_to_date": 3}  # fmt: skip


def test_rapidocr_reads_the_same(run: Path) -> None:
    report = execute(run, ReadConfig(engine="rapidocr"), ReadOptions(workers=HERE))
    assert report["engine"].startswith("rapidocr ")
    assert written(run)["a.png.txt"] == b"Harbour street\nmarket\n"


def test_worker_processes_write_the_same_bytes(run: Path) -> None:
    read(run)
    alone = written(run)
    options = ReadOptions(workers=RunConfig(workers=2), force=True)
    assert counts(execute(run, ReadConfig(), options)) == {"pages": 3, "done": 3}
    assert written(run) == alone


def test_a_worker_with_another_engine_is_refused(run: Path) -> None:
    job = ReadJob(open_run(run), ReadConfig(), "tesseract 1.0", HERE)
    with (
        open_client(HERE, 1) as client,
        pytest.raises(ConfigError, match=r"has tesseract [2-9].*, here is tesseract 1\.0; install"),
    ):
        list(dispatch(client, Reader(job), [], Stop()))


def test_a_crash_of_the_engine_is_one_failure(run: Path, hostile: Callable[[str], None]) -> None:
    """It dies on one page and finds nothing on the others."""
    hostile(
        "import io, PIL.Image\n"
        "if PIL.Image.open(io.BytesIO(pages)).n_frames == 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        "print('level\\tpage_num\\tconf\\ttext')"
    )
    report = execute(run, ReadConfig(unit="word"), ReadOptions(workers=HERE))
    assert counts(report) == {"pages": 3, "done": 2, "failed": 1}
    (failure,) = [json.loads(line) for line in (run / "read-failures.jsonl").read_text().splitlines()]  # fmt: skip
    assert (failure["path"], failure["stage"], failure["error"]) == ("a.png", "read", "ImageError")
    assert "tesseract ended with -9 on 3 crops" in failure["message"]
    assert "a.png.json" not in written(run)
    assert "inside/b.jpg.json" in written(run)


def test_no_earlier_text_outlives_a_worker_that_dies(
    run: Path, hostile: Callable[[str], None]
) -> None:
    read(run)
    assert "a.png.txt" in written(run)
    hostile("os.kill(os.getppid(), signal.SIGKILL)")
    options = ReadOptions(workers=RunConfig(workers=1))
    report = execute(run, ReadConfig(min_confidence=0.9), options)
    assert report["counts"]["failed"] == 2
    assert not [name for name in written(run) if name.startswith(("a.png", "inside/b.jpg"))]


def test_an_engine_that_hangs_is_one_failure(run: Path, hostile: Callable[[str], None]) -> None:
    hostile("time.sleep(60)")
    options = ReadOptions(workers=RunConfig(workers=0, timeout=1))
    report = execute(run, ReadConfig(), options)
    assert counts(report) == {"pages": 3, "done": 1, "failed": 2}
    assert "tesseract took longer than 1 s" in (run / "read-failures.jsonl").read_text()


def test_what_failed_is_tried_again(run: Path, hostile: Callable[[str], None]) -> None:
    with pytest.MonkeyPatch.context() as path:
        path.setenv("PATH", os.environ["PATH"])
        hostile("sys.exit(1)")
        assert counts(read(run)) == {"pages": 3, "done": 1, "failed": 2}
    (run.parent.parent / "bin" / "tesseract").unlink()
    assert counts(read(run)) == {"pages": 3, "up_to_date": 1, "done": 2}
    assert (run / "read-failures.jsonl").read_text() == ""


def test_moved_and_changed_pictures_are_named(run: Path) -> None:
    pictures = run.parent / "pictures"
    (pictures / "a.png").unlink()
    with (pictures / "inside" / "b.jpg").open("ab") as file:
        file.write(b"more")
    done = call(run, "--workers", "0")
    assert done.exit_code == 3
    assert "'a.png': is no longer at" in done.stderr
    assert "'inside/b.jpg': was changed since the run" in done.stderr
    assert set(written(run)) == {f"c.png.{end}" for end in ("txt", "json", "hocr", "xml")}


def test_moved_pictures_are_found_where_input_says(run: Path) -> None:
    moved = run.parent / "moved"
    (run.parent / "pictures").rename(moved)
    lost = call(run, "--workers", "0")
    assert lost.exit_code == 2
    assert "say with --input where they lie now" in lost.stderr
    assert call(run, "--workers", "0", "--input", moved).exit_code == 0


def test_pictures_that_failed_in_the_run_are_counted(run: Path) -> None:
    failure = {"path": "d.png", "stage": "load", "error": "ImageError", "message": "no", "attempts": 1}  # fmt: skip
    (run / "failures.jsonl").write_text(json.dumps(failure) + "\n")
    done = call(run, "--workers", "0")
    assert done.exit_code == 3
    assert "1 pictures had failed in the run" in done.stderr


def test_a_file_of_which_a_page_failed_is_read_only_when_asked_for(run: Path) -> None:
    read(run)
    failure = {
        "path": "inside/b.jpg",
        "stage": "load",
        "error": "E",
        "message": "no",
        "attempts": 1,
    }
    lines = [json.dumps({**failure, "page": page}) + "\n" for page in (2, 5)]
    (run / "failures.jsonl").write_text("".join(lines))
    done = call(run, "--workers", "0")
    assert "2 were read before, 1 pictures had failed in the run" in done.stderr
    assert not [name for name in written(run) if name.startswith("inside")]
    assert call(run, "--workers", "0", "--incomplete").exit_code == 3
    assert b"Station" in written(run)["inside/b.jpg.txt"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (shutil.rmtree, 2, "is not the output of a run"),
        (lambda run: (run / "run.json").unlink(), 2, "was stopped; run it again"),
        (lambda run: (run / "run.json").write_text('{"schema": "locpipe/run/9"}'), 2, "run/9"),
        (
            lambda run: (run / "boxes" / "c.png.json").replace(run / "boxes" / "a.png.json"),
            2,
            "a.png.json: is about another picture",
        ),
    ],
)
def test_what_is_no_finished_run_is_refused(
    run: Path, change: Callable[[Path], object], code: int, message: str
) -> None:
    change(run)
    done = call(run, "--workers", "0")
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert not (run / "read").exists()


def test_a_file_where_the_texts_belong_is_told_at_once(run: Path) -> None:
    (run / "read").touch()
    done = call(run, "--workers", "0")
    assert done.exit_code == 6
    assert f"{run}/read cannot be written" in done.stderr
    assert not (run / "read-failures.jsonl").exists()


def test_a_run_that_is_locked_is_left_alone(run: Path) -> None:
    with locked(run):
        assert call(run).exit_code == 75
        (run / "run.json").unlink()  # its first
        assert call(run).exit_code == 75


def test_a_missing_language_is_told_before_anything_is_read(run: Path) -> None:
    done = call(run, "--lang", "klingon")
    assert done.exit_code == 2
    assert "apt-get install tesseract-ocr-klingon" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [("--lang", "", "language"), ("--min-confidence", "nan", "min_confidence"), ("--timeout", "nan", "timeout")],
)  # fmt: skip
def test_options_out_of_their_range_are_named(
    tmp_path: Path, option: str, value: str, name: str
) -> None:
    done = call(tmp_path, option, value)
    assert done.exit_code == 2
    assert f"{name}: " in done.stderr


def test_arguments_out_of_their_range_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engine: .* but got 'abbyy'"):
        locpipe.read("out", "abbyy")  # type: ignore[arg-type] # what a type checker does not see
    with pytest.raises(ConfigError, match=r"workers: .* but got -1"):
        locpipe.read("out", workers=-1)


def test_the_command_prints_its_report(run: Path) -> None:
    done = call(run, "--workers", "0", "--json")
    report = json.loads(done.stdout)
    assert report == json.loads((run / "read.json").read_bytes())
    assert (report["exit_code"], report["boxes"], report["language"]) == (0, 4, "eng")
    assert "3 pages read, 0 failed, 0 were read before; 4 boxes with text" in done.stderr
    assert "/read (a .txt for every picture)\n" in done.stderr


def test_a_program_gets_the_report_too(run: Path) -> None:
    report = locpipe.read(run, workers=0)
    assert (report.exit_code, report.counts["done"], report.boxes) == (0, 3, 4)
    assert (report.output, list(report.failures())) == (run / "read", [])


def test_no_text_is_written_or_removed_through_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_text("precious")
    (run / "read").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"output.path: .*/read is a symbolic link"):
        read(run)
    assert [file.read_text() for file in tmp_path.rglob("elsewhere/*")] == ["precious"]
