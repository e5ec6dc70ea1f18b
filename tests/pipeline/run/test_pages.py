"""Files with several pages: each page stands for itself, whatever happens to another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageSequence
from PIL.TiffImagePlugin import STRIPOFFSETS, TiffImageFile
from runs import boxes, counts, failures, run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports, export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.box_json import Maker
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.picture.process import PictureProcessor
from locpipe.stages.clock import Clock
from locpipe.stages.models.loading import find_model, load_model


@pytest.fixture
def book(config: Config) -> Path:
    """Four pages with text, the only picture there is."""
    for path in config.input.path.rglob("*.*"):
        path.unlink()
    return write_book(config.input.path / "book.tif")


def write_book(path: Path, pages: int = 4) -> Path:
    sheets = []
    for number in range(pages):
        sheet = Image.new("L", (200 + number, 80), 255)
        sheet.paste(0, (20, 20, 30 + 10 * number, 60))
        sheets.append(sheet)
    sheets[0].save(path, save_all=True, append_images=sheets[1:], compression="tiff_lzw")
    return path


def spoil(path: Path, *pages: int) -> None:
    """Damage the pixels of pages."""
    content = bytearray(path.read_bytes())
    with TiffImageFile(path) as picture:
        for number, _ in enumerate(ImageSequence.Iterator(picture), 1):
            if number in pages:
                (place,) = picture.tag_v2[STRIPOFFSETS]
                content[place : place + 20] = b"\xff" * 20
    path.write_bytes(content)


def names(config: Config, folder: str = "boxes") -> list[str]:
    return sorted(path.name for path in (config.output.path / folder).rglob("book*"))


PAGES = [f"book.tif{page}.json" for page in ("", ".page-2", ".page-3", ".page-4")]


def test_a_damaged_page_fails_alone_and_is_told_by_its_number(config: Config, book: Path) -> None:
    spoil(book, 1, 3)
    report = run(config)
    assert (report["exit_code"], counts(report)) == (3, {"found": 1, "failed": 1})
    assert names(config) == [PAGES[1], PAGES[3]]
    assert boxes(config, "book.tif.page-4")["image"]["width"] == 203
    for failure, page in zip(failures(config), (1, 3), strict=True):
        told = (failure["path"], failure["page"], failure["stage"], failure["attempts"])
        assert told == ("book.tif", page, "load", 1)
        assert "cannot be decoded" in failure["message"]


def test_a_file_of_one_page_fails_as_a_whole(config: Config, book: Path) -> None:
    write_book(book, 1)
    spoil(book, 1)
    run(config)
    (failure,) = failures(config)
    assert (failure["path"], failure["page"]) == ("book.tif", None)


def test_a_page_is_tried_in_three_runs_and_the_others_are_kept(config: Config, book: Path) -> None:
    spoil(book, 2)
    for attempts in (1, 2, 3):
        assert run(config)["exit_code"] == 3
        (failure,) = failures(config)
        assert (failure["page"], failure["attempts"]) == (2, attempts)
    report = run(config)
    assert (report["exit_code"], report["counts"]["given_up"]) == (0, 1)
    assert len(failures(config)) == 1
    assert run(config, retry_failed=True)["exit_code"] == 3
    write_book(book)
    assert run(config)["exit_code"] == 0
    assert (failures(config), names(config)) == ([], sorted(PAGES))


def test_pages_that_are_there_are_not_done_again(config: Config, book: Path) -> None:
    spoil(book, 2)
    run(config)
    before = (config.output.path / "boxes" / PAGES[3]).stat().st_ino
    assert run(config)["pixels"] == 0
    assert (config.output.path / "boxes" / PAGES[3]).stat().st_ino == before
    (config.output.path / "masks" / "book.tif.page-3.png").unlink()
    assert run(config)["pixels"] == 202 * 80


def test_results_of_pages_that_are_no_more_go_beyond_one_that_failed(
    config: Config, book: Path
) -> None:
    spoil(book, 2, 3)
    run(config)
    assert names(config) == [PAGES[0], PAGES[3]]
    write_book(book, 1)
    run(config)
    assert names(config) == [PAGES[0]]
    write_book(book)
    spoil(book, 2)
    run(config)
    book.write_bytes(b"")
    run(config)
    assert (names(config), names(config, "masks")) == ([], [])


def test_a_file_with_a_page_that_failed_is_not_exported_unless_asked_for(
    config: Config, book: Path
) -> None:
    config = with_(config, "output", exports=("icdar", "coco"))
    run(config)
    assert len(names(config, "exports/icdar")) == 4
    spoil(book, 2)
    assert run(config)["exit_code"] == 3
    coco = config.output.path / "exports" / "coco.json"
    assert names(config, "exports/icdar") == []
    assert json.loads(coco.read_text())["images"] == []
    out = config.output.path
    assert export(open_run(out), ["icdar"]) == 0
    assert names(config, "exports/icdar") == []
    assert export(open_run(out, incomplete=True), ["icdar"]) == 0
    assert len(names(config, "exports/icdar")) == 3


def processor_of(config: Config) -> PictureProcessor:
    prepare_output(config.output.path)
    model = load_model(find_model("digits"))
    maker = Maker("digits", "0" * 64, config.sha256())
    return PictureProcessor(config, model, maker, RunExports(config), 2**30)


class PowerCutError(BaseException):
    """What no code of ours catches."""


def test_a_file_goes_on_at_the_page_where_it_was_cut(config: Config, book: Path) -> None:
    processor = processor_of(config)
    begun: list[int] = []

    def cut(page: int) -> None:
        begun.append(page)
        if begun == [1, 2, 3]:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        processor.process_file("book.tif", book, Clock(on_page=cut))
    found = processor.process_file("book.tif", book, Clock(on_page=cut))
    assert begun == [1, 2, 3, 3, 4]
    assert (found.pages, found.is_kept, found.pixels) == (4, False, 202 * 80 + 203 * 80)
    assert found.boxes == sum(len(boxes(config, name[:-5])["boxes"]) for name in PAGES)


def test_boxes_that_were_cut_before_the_file_was_count_for_the_whole(
    config: Config, book: Path
) -> None:
    few = with_(config, "boxes", max=1)
    whole = processor_of(few).process_file("book.tif", book, Clock())
    assert whole.cut > 0
    for name in PAGES[2:]:
        (config.output.path / "boxes" / name).unlink()
    again = processor_of(few).process_file("book.tif", book, Clock())
    assert (again.cut, again.boxes, again.is_kept) == (whole.cut, whole.boxes, False)


def test_the_time_limit_is_that_of_a_page(book: Path, tmp_path: Path) -> None:
    """Forty pages that take 8 s together; one of them is never done, and one ends its worker."""
    write_book(book, 40)
    out = tmp_path / "o"
    code = """
import os, time
from locpipe.pipeline.picture import process
real = process.localize_page
def slow(path, page, *others):
    if page == 4:
        os._exit(1)
    time.sleep(3600 if page == 2 else 0.2)
    return real(path, page, *others)
process.localize_page = slow
"""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "locpipe", "run", "digits", "--input", book, "--output", out,
         "--workers", "1", "--set", "run.timeout=15"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "book.tif', page 2: took longer than run.timeout = 15 s" in done.stderr
    assert len(list((out / "boxes").iterdir())) == 38
    failed = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert [(each["page"], each["error"], each["attempts"]) for each in failed] == [
        (2, "TimeoutError", 1),
        (4, "WorkerDied", 1),
    ]
