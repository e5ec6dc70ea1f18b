"""Made-up runs, their reports, and a real browser that looks at them."""

import copy
import functools
import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from run_fixtures import BOXES, Made, write_boxes, write_run, write_run_report

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.ocr.text import sha256_of_boxes
from locpipe.pipeline.output.box_json import read_page

HOSTILE = "<b>/script><script>window.run=1<.png"
"""A name that would run as a script if a page read it as markup; so would the label in BOXES."""
TEXTS = ("Paris", "<img src=x onerror=window.run=1>", "Nation")
CHROME_OF_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
Open = Callable[..., Any]


def report(*arguments: str | Path) -> Result:
    """Run `locpipe report`."""
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def until(page: Any, condition: str) -> None:
    """Wait until JavaScript says that something is so; a page that forbids `eval` allows this."""
    deadline = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(30)


@pytest.fixture(scope="session")
def reported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pictures/` and `out/` of a made-up run, with masks, a heatmap, texts, blocks, and a report."""
    folder = tmp_path_factory.mktemp("reported")
    boxes = [{**box, "block": int(i == 2)} for i, box in enumerate(copy.deepcopy(BOXES))]
    white = Image.new("RGB", (240, 120), "white")
    white.paste((200, 0, 0), (20, 30, 60, 40))
    blank = Image.new("RGB", (60, 80), "grey")
    pictures: dict[str, Made] = {
        "signs/a.png": (white, 1, boxes),
        "signs/turned.jpg": (white, 6, boxes[:1]),
        "scan.tif": (white, 1, boxes[2:]),
        "empty.png": (blank, 1, []),
        HOSTILE: (blank, 1, []),
    }
    write_run(folder, pictures)
    for kind in ("masks", "heatmaps"):
        (folder / "out" / kind / "signs").mkdir(parents=True)
        grey = Image.new("L", (240, 120))
        grey.paste(255, (20, 30, 120, 60))
        grey.save(folder / "out" / kind / "signs" / "a.png.png")
    page = read_page(folder / "out" / "boxes" / "signs" / "a.png.json")
    written = [{**box, "text": text, "confidence": 0.9, "counts": True} for box, text in zip(boxes, TEXTS, strict=True)]  # fmt: skip
    text = {"made_by": {"boxes_sha256": sha256_of_boxes(page)}, "boxes": written, "text": "\n".join(TEXTS)}  # fmt: skip
    (folder / "out" / "read" / "signs").mkdir(parents=True)
    (folder / "out" / "read" / "signs" / "a.png.json").write_text(json.dumps(text))
    failure = {"path": "<i>broken.jpg", "page": None, "stage": "load", "error": "ImageError", "message": "<u>is damaged; save it again", "attempts": 1}  # fmt: skip
    (folder / "out" / "failures.jsonl").write_text(json.dumps(failure) + "\n")
    done = report(folder / "out")
    assert (done.exit_code, done.stdout) == (0, f"{folder}/out/report/index.html\n"), done.output
    return folder


@pytest.fixture
def reported(reported_once: Path, tmp_path: Path) -> Path:
    """A copy of it, to change at will; its pictures are those of the copy."""
    copied = shutil.copytree(reported_once, tmp_path / "run")
    file = copied / "out" / "run.json"
    file.write_text(file.read_text().replace(str(reported_once), str(copied)))
    return copied


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run of 5,201 pictures, which are gone, so more than one file of the list has."""
    folder = tmp_path_factory.mktemp("large")
    made: Made = (Image.new("RGB", (240, 120)), 1, copy.deepcopy(BOXES[:1]))
    for number in range(5201):
        write_boxes(folder, f"{number // 100:02}/{number:04}.jpg", made, "0" * 64)
    write_run_report(folder)
    done = report(folder / "out", "-q")
    assert done.exit_code == 0, done.output
    return folder / "out"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser of the system. CI fails without one (`tests/conftest.py`)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    names = ("chromium", "chromium-browser", "google-chrome", CHROME_OF_MACOS)
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs chromium (Debian: chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Any) -> Iterator[Open]:
    """Opens a report. At the end, the console must be empty and no other host asked, but for `expected`."""
    troubles: list[str] = []
    contexts = []

    def note(text: str, is_trouble: bool) -> None:  # noqa: FBT001 - what is checked
        if is_trouble:
            troubles.append(text)

    def look(url: str | Path, *, expected: str = "nothing", **options: Any) -> Any:
        if isinstance(url, Path):
            url = url.as_uri()
        start = url.split("/out/")[0]
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: note(said.text, expected not in said.text))
        page.on("pageerror", lambda error: note(str(error), is_trouble=True))
        allowed = (start, "data:", "blob:")
        page.on("request", lambda asked: note(asked.url, not asked.url.startswith(allowed)))
        page.goto(url)
        page.wait_for_selector("#found:has-text('pictures')")
        return page

    yield look
    for context in contexts:
        context.close()
    assert troubles == []


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder on this machine."""
    servers = []

    def start(folder: Path) -> str:
        handler = functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
