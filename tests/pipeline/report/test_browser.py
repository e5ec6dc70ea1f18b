"""A person opens a report in a real browser: nothing is mocked, nothing is fetched from elsewhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from report_fixtures import HOSTILE, TEXTS, Open, report, until

from locpipe.pipeline.cli.main import main

Page = Any


def index(folder: Path) -> Path:
    return folder / "out" / "report" / "index.html"


def names(page: Page) -> list[str]:
    found: list[str] = page.locator(".card .name").all_text_contents()
    return found


def open_picture(page: Page, name: str) -> None:
    page.locator(".card", has_text=name).first.click()
    page.wait_for_selector("#viewer[open] #sheet svg")
    until(page, "viewer.details !== null")


def set_threshold(page: Page, percent: int, slider: str = "threshold") -> None:
    page.locator(f"#{slider}").fill(str(percent))


def test_the_page_tells_of_the_run_and_shows_its_pictures(
    browse: Open, reported_once: Path
) -> None:
    page = browse(index(reported_once))
    numbers = page.locator("#numbers > div").all_inner_texts()
    assert [text.split("\n") for text in numbers] == [["Pictures", "6"], ["Boxes", "5"], ["Without boxes", "2"], ["Failed", "1"]]  # fmt: skip
    assert page.locator("#failures li").inner_text() == "load: ImageError 1"
    assert page.locator("#scores svg").get_attribute("aria-label") == "5 of 5 boxes have a score of 0.00 or more"  # fmt: skip
    assert len(names(page)) == 6
    loaded = page.evaluate("[...document.images].filter((image) => image.complete && image.naturalWidth).length")  # fmt: skip
    assert loaded == 5
    page.wait_for_selector("[data-index] path.box[d^=M]")


def test_search_filters_and_order(browse: Open, reported_once: Path) -> None:
    page = browse(index(reported_once))
    everything = names(page)
    page.fill("#search", "PARIS")
    until(page, "list.shown.length === 1")
    assert names(page) == ["a.png"]
    page.fill("#search", "signs turned")
    until(page, "list.shown[0].name === 'signs/turned.jpg'")
    page.fill("#search", "nowhere")
    page.wait_for_selector("#found:has-text('Nothing fits: change the filters')")
    page.fill("#search", "")
    until(page, "list.shown.length === 6")
    page.select_option("#folder", "signs")
    assert names(page) == ["a.png", "turned.jpg"]
    page.select_option("#folder", "")
    page.select_option("#show", "empty")
    assert len(names(page)) == 2
    page.select_option("#show", "load: ImageError")
    assert names(page) == ["<i>broken.jpg"]
    page.select_option("#show", "all")
    page.select_option("#sort", "most")
    assert names(page)[0] == "a.png"
    page.select_option("#sort", "name")
    assert names(page) == everything
    page.fill("#at-least", "2")
    until(page, "list.shown.length === 1")


def test_a_higher_score_shows_at_once_what_it_would_leave(
    browse: Open, reported_once: Path
) -> None:
    page = browse(index(reported_once))
    card = page.locator(".card", has_text="a.png")
    page.wait_for_selector("[data-index] path.box[d^=M]")
    set_threshold(page, 75)
    assert card.locator(".note").inner_text() == "2 of 3 boxes, best 0.93"
    assert card.locator("path.box").get_attribute("d").count("M") == 2
    assert "the score leaves 4 of 5 boxes" in page.locator("#found").inner_text()
    open_picture(page, "a.png")
    assert page.locator("#layer-boxes > g.left-out").count() == 1
    set_threshold(page, 93, "viewer-threshold")
    assert page.locator("#layer-boxes > g.left-out").count() == 2
    set_threshold(page, 94, "viewer-threshold")
    assert page.locator("#layer-boxes > g.left-out").count() == 3


def test_a_picture_has_boxes_text_lines_blocks_mask_and_heatmap(
    browse: Open, reported_once: Path
) -> None:
    page = browse(index(reported_once))
    open_picture(page, "a.png")
    until(page, "[...document.querySelectorAll('#sheet img')].every((image) => image.naturalWidth)")  # fmt: skip
    first = page.locator("#layer-boxes polygon.box").first
    assert first.get_attribute("points") == "20 30 120 30 120 60 20 60"
    assert page.locator("#layer-labels .text").all_text_contents() == [*TEXTS]
    assert page.locator("#layer-lines polyline").count() == 2
    assert page.locator("#layer-blocks rect").count() == 2
    assert page.locator("#boxes li .score").all_inner_texts() == ["0.93", "0.50", "0.75"]
    for name, layer in (("boxes", "#layer-boxes"), ("texts", ".text"), ("lines", "#layer-lines"), ("blocks", "#layer-blocks"), ("scores", "text .score")):  # fmt: skip
        shown = page.locator(f"#sheet {layer}").first
        before = shown.evaluate("(element) => getComputedStyle(element).display !== 'none'")
        page.locator(f"#show-{name}").click()
        after = shown.evaluate("(element) => getComputedStyle(element).display !== 'none'")
        assert before is not after, name
    for name in ("mask", "heatmap"):
        page.check(f"#show-{name}")
        until(page, f"document.querySelector('#sheet img.{name}')?.naturalWidth === 240")
        page.uncheck(f"#show-{name}")
        assert page.locator(f"#sheet img.{name}").count() == 0
    page.keyboard.press("Escape")
    open_picture(page, "empty.png")
    assert page.locator("#layers input").count() == 0


def test_what_browsers_do_not_open_has_a_preview(browse: Open, reported_once: Path) -> None:
    page = browse(index(reported_once))
    open_picture(page, "scan.tif")
    source = page.locator("#sheet img").last.get_attribute("src")
    assert source.startswith("previews/")
    assert page.locator("#viewer-facts a").get_attribute("href") == "../../pictures/scan.tif"
    until(page, "[...document.querySelectorAll('#sheet img')].every((image) => image.naturalWidth === 240)")  # fmt: skip


def test_all_of_it_works_from_the_keyboard(browse: Open, reported_once: Path) -> None:
    page = browse(index(reported_once))
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.locator(".card").first.focus()
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("Number(document.activeElement.dataset.index)")
    assert focused == 1
    page.keyboard.press("Enter")
    until(page, "viewer.details !== null && viewer.entry.index === 1")
    page.keyboard.press("]")
    until(page, "viewer.entry.index === 2")
    page.keyboard.press("ArrowLeft")
    until(page, "viewer.entry.index === 1 && viewer.details !== null")
    page.keyboard.press("b")
    assert page.evaluate("isOn.boxes") is False
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    until(page, "!document.getElementById('viewer').open")
    assert page.evaluate("Number(document.activeElement.dataset.index)") == 1
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


def test_marks_outlive_the_page_and_evaluate_counts_them(
    browse: Open, reported: Path, tmp_path: Path
) -> None:
    page = browse(index(reported))
    open_picture(page, "a.png")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")  # goes on to the second
    page.keyboard.press("w")
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    assert page.locator("#viewer-marks").inner_text() == "1 right, 1 wrong, 1 missed"
    page.keyboard.press("a")
    page.reload()
    page.wait_for_selector("#save-marks:has-text('(1)')")
    page.wait_for_selector("#viewer[open] #boxes li")
    assert page.locator("#viewer-marks").inner_text() == "2 right, 1 wrong, 1 missed"
    page.keyboard.press("Escape")
    with page.expect_download() as saving:
        page.click("#save-marks")
    file = tmp_path / saving.value.suggested_filename
    saving.value.save_as(file)
    assert file.name == "marks.json"
    scored = CliRunner().invoke(main, ["evaluate", str(reported / "out"), "--marks", str(file)])
    assert scored.exit_code == 0, scored.output
    assert "2 right, 1 wrong, 1 missed; 0 boxes of these pictures have no mark" in scored.stdout
    # Another browser takes them in.
    other = browse(index(reported))
    other.set_input_files("#open-marks", file)
    other.wait_for_selector("#notice:has-text('Took in the marks of 1 picture.')")
    open_picture(other, "a.png")
    assert other.locator("#viewer-marks").inner_text() == "2 right, 1 wrong, 1 missed"


def test_names_labels_and_texts_of_strangers_are_shown_not_run(
    browse: Open, reported_once: Path
) -> None:
    page = browse(index(reported_once))
    assert HOSTILE.rsplit("/", 1)[1] in names(page)
    open_picture(page, "script>")
    assert page.locator("#viewer-name").inner_text() == HOSTILE
    page.keyboard.press("Escape")
    open_picture(page, "a.png")
    row = page.locator("#boxes li .said").nth(1).text_content()
    assert row.startswith(TEXTS[1] + ' · <b>&"')
    page.keyboard.press("Escape")
    open_picture(page, "<i>broken.jpg")
    assert "<u>is damaged" in page.locator("#viewer-problem").inner_text()
    assert page.evaluate("window.run") is None
    assert page.locator("i, u, img[src=x]").count() == 0


def test_pictures_that_moved_are_missing_and_their_boxes_are_drawn(
    browse: Open, reported: Path
) -> None:
    shutil.move(reported / "pictures", reported / "elsewhere")
    page = browse(index(reported), expected="ERR_FILE_NOT_FOUND")
    open_picture(page, "a.png")
    page.wait_for_selector("#viewer-problem:has-text('is not where it was')")
    assert page.locator("#layer-boxes polygon.box").count() == 3


def test_made_after_they_moved_the_same(browse: Open, reported: Path) -> None:
    shutil.move(reported / "pictures", reported / "elsewhere")
    done = report(reported / "out")
    assert done.exit_code == 0
    assert "5 pictures cannot be shown" in done.stderr
    page = browse(index(reported))
    open_picture(page, "a.png")
    assert "is no longer at" in page.locator("#viewer-problem").inner_text()
    assert page.locator("#sheet .nothing").inner_text() == "The picture is missing"
    assert page.locator("#layer-boxes polygon.box").count() == 3
    page.keyboard.press("Escape")
    page.select_option("#show", "missing")
    assert len(names(page)) == 5


def test_one_file_holds_it_all(browse: Open, reported: Path, tmp_path: Path) -> None:
    done = report(reported / "out", "--embed")
    assert done.stdout == f"{reported}/out/report.html\n", done.output
    (tmp_path / "sent" / "out").mkdir(parents=True)
    file = shutil.move(reported / "out" / "report.html", tmp_path / "sent" / "out" / "report.html")
    shutil.rmtree(reported)
    page = browse(file)
    open_picture(page, "a.png")
    assert page.locator("#sheet img").get_attribute("src").startswith("data:image/jpeg;base64,")
    assert page.locator("#layer-boxes polygon.box").count() == 3
    assert page.evaluate("window.run") is None


def test_a_web_server_does_as_well(
    browse: Open, serve: Callable[[Path], str], reported_once: Path
) -> None:
    page = browse(f"{serve(reported_once)}/out/report/index.html")
    open_picture(page, "turned.jpg")
    until(page, "document.querySelectorAll('#sheet img')[1]?.naturalWidth === 240")


def test_thousands_of_pictures_come_in_pages_of_200(browse: Open, large: Path) -> None:
    page = browse(f"{(large / 'report' / 'index.html').as_uri()}#picture-5200")
    until(page, "list.complete && viewer.details !== null")
    assert page.locator("#viewer-name").inner_text() == "52/5200.jpg"
    page.keyboard.press("Escape")
    assert page.locator(".card").count() == 200
    assert page.locator("#pager option:checked").inner_text() == "Page 1 of 27"
    page.keyboard.press("]")
    assert names(page)[0] == "0200.jpg"
    page.locator("#pager select").select_option("26")
    assert names(page) == ["5200.jpg"]
    assert page.locator("#pager button").last.is_disabled()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browse: Open, reported_once: Path, width: int) -> None:
    page = browse(index(reported_once), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    open_picture(page, "a.png")
    for part in ("#stage", ".side"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] > 200


def test_the_theme_is_the_readers(browse: Open, reported_once: Path) -> None:
    page = browse(index(reported_once), color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.click("#theme")
    light = page.evaluate(colour)
    assert dark != light
    page.reload()
    assert page.evaluate(colour) == light


def test_marks_of_something_else_are_told(
    browse: Open, reported_once: Path, tmp_path: Path
) -> None:
    page = browse(index(reported_once))
    (tmp_path / "x.json").write_text(json.dumps({"schema": "x"}))
    page.set_input_files("#open-marks", tmp_path / "x.json")
    page.wait_for_selector("#notice:has-text('x.json: these are no marks of locpipe')")
