"""How large a report is, how long it takes to make, and how soon a browser shows it.

    python benchmarks/report.py --results benchmarks/results

It makes up runs of pictures of 640 x 480 with 12 boxes and their texts each. Chromium opens the report
from the disk. CPU seconds to make are those of all processors together, CPU times of the page those of
its main thread. A page counts as open when pictures and boxes of the first screen are there.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.ocr.text import sha256_of_boxes
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.box_json import SCHEMA, read_page
from locpipe.pipeline.report.write import write_report

COUNTS: Final = (14, 1000, 10000)
BOXES: Final = 12
HEAD: Final = """| pictures | made in CPU s | made again | page and data, MB | thumbnails, MB | opens in s | \
of it CPU s | scrolls: CPU ms per frame | filters and sorts: CPU ms |
|---|---|---|---|---|---|---|---|---|"""
NOTE_OPENED: Final = """new MutationObserver((_, observer) => {
  if (!document.querySelector("[data-index] path.box[d^=M]")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.opened = performance.now(); }));
}).observe(document, { subtree: true, childList: true, attributes: true })"""
FRAMES: Final = 120
SCROLL: Final = f"""async () => {{
  for (let i = 0; i < {FRAMES}; i += 1) {{
    scrollBy(0, 60);
    await new Promise(requestAnimationFrame);
  }}
}}"""
FILTER: Final = """() => {
  choice.atLeast = 1;
  choice.sort = "worst";
  setThreshold(80);
  choose();
}"""


def picture(number: int) -> NDArray[np.uint8]:
    """Return a picture uint8 [480, 640, 3] that no other number has."""
    random = np.random.default_rng(number)
    small = random.integers(0, 255, (12, 16, 3), np.uint8)
    return np.asarray(cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def boxes(number: int) -> list[dict[str, Any]]:
    """Return the boxes of a picture as they stand in its JSON."""
    random = np.random.default_rng(number)
    found = []
    for i in range(BOXES):
        left, top = 20 + 200 * (i % 3), 20 + 110 * (i // 3)
        right, bottom = left + int(random.integers(40, 180)), top + int(random.integers(12, 60))
        polygon = [[left, top], [right - 0.37, top], [right - 0.37, bottom], [left, bottom - 0.25]]
        score = round(float(random.uniform(0.55, 0.95)), 4)
        found.append({"label": "text", "score": score, "rect": [left, top, right, bottom], "polygon": polygon, "line": i // 3})  # fmt: skip
    return found


def make_run(folder: Path, count: int, *, with_pictures: bool) -> Path:
    """Write what a run over so many pictures would have; return its output."""
    out = folder / "out"
    for number in range(count):
        key = f"{number // 100:05}/IMG_{number:07}.jpg"
        file = folder / "pictures" / key
        content = key.encode()
        if with_pictures:
            file.parent.mkdir(parents=True, exist_ok=True)
            content = cv2.imencode(".jpg", picture(number))[1].tobytes()
            file.write_bytes(content)
        sizes = {"width": 640, "height": 480, "stored_width": 640, "stored_height": 480}
        image = {"path": key, "page": 1, "exif_orientation": 1, **sizes, "sha256": hashlib.sha256(content).hexdigest()}  # fmt: skip
        maker = {"locpipe": "0", "model": "text", "model_sha256": "0" * 64, "config_sha256": "0" * 64}  # fmt: skip
        document = {"schema": SCHEMA, "image": image, "made_by": maker, "labels": ["text"], "boxes": boxes(number)}  # fmt: skip
        boxes_file = out / "boxes" / f"{key}.json"
        boxes_file.parent.mkdir(parents=True, exist_ok=True)
        boxes_file.write_text(json.dumps(document))
        read = [{"text": f"word{i}", "confidence": 0.9, "counts": True} for i in range(BOXES)]
        made_by = {"boxes_sha256": sha256_of_boxes(read_page(boxes_file))}
        text = {"made_by": made_by, "boxes": read, "text": " ".join(str(one["text"]) for one in read)}  # fmt: skip
        (out / "read" / key).parent.mkdir(parents=True, exist_ok=True)
        (out / "read" / f"{key}.json").write_text(json.dumps(text))
    config = Config.model_validate({"model": "text", "input": {"path": folder / "pictures"}})
    report = {"schema": "locpipe/run/1", "root": str(folder / "pictures"), "config": config.model_dump(mode="json")}  # fmt: skip
    (out / "run.json").write_text(json.dumps(report))
    (out / "failures.jsonl").touch()
    return out


def made(out: Path) -> float:
    """Write the report of a run; return the seconds of all processors."""
    start = time.process_time()
    write_report(open_run(out, incomplete=True, as_it_is=True))
    return time.process_time() - start


def megabytes(*places: Path) -> float:
    """Return the size of files and of all files in folders."""
    found = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in found) / 1e6


@dataclass(frozen=True)
class Shown:
    """What a browser takes: to open a report in s, of it CPU s; CPU ms to scroll and to filter."""

    opens: float
    opens_cpu: float
    frame: float
    filter: float


def shown(index: Path, browser: str) -> Shown:
    """Open a report five times; return the medians."""
    # Not needed to make a report.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        found = [_shown(chromium, index) for _ in range(5)]
        chromium.close()
    return Shown(*(statistics.median(column) for column in zip(*found, strict=True)))


def _shown(chromium: Any, index: Path) -> tuple[float, float, float, float]:  # noqa: ANN401 - of no typed package
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cpu() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    page.add_init_script(NOTE_OPENED)
    page.goto(index.as_uri())
    page.wait_for_selector("[data-index] path.box[d^=M]")
    while not page.evaluate("window.opened && list.complete"):
        page.wait_for_timeout(100)
    open_, taken = page.evaluate("window.opened") / 1000, cpu()
    page.evaluate(SCROLL)
    scrolled = cpu()
    page.evaluate(FILTER)
    times = open_, taken, (scrolled - taken) / FRAMES * 1000, (cpu() - scrolled) * 1000
    context.close()
    return times


def row(out: Path, count: str, browser: str) -> str:
    """Measure a run; return its row of the table."""
    report = out / "report"
    shutil.rmtree(report, ignore_errors=True)
    first, again = made(out), made(out)
    page = megabytes(report / "index.html", report / "app", report / "data")
    thumbs = megabytes(report / "thumbs")
    seen = shown(report / "index.html", browser)
    times = f"{seen.opens:.2f} | {seen.opens_cpu:.2f} | {seen.frame:.1f} | {seen.filter:.0f}"
    return f"| {count} | {first:.1f} | {again:.1f} | {page:.2f} | {thumbs:.1f} | {times} |"


def main() -> None:
    """Print the table, and write it where asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--counts", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--missing", type=int, nargs="*", default=[], help="Runs whose pictures are gone.")  # fmt: skip
    parser.add_argument("--run", type=Path, help="The output of a real run, too.")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    lines = ["Printed by `benchmarks/report.py`: reports of made-up runs, 12 boxes and their texts per picture.", "", HEAD]  # fmt: skip
    print("\n".join(lines), flush=True)

    def tell(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    if arguments.run:
        tell(row(arguments.run, "the samples", arguments.browser))
    for counts, with_pictures in ((arguments.counts, True), (arguments.missing, False)):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                out = make_run(Path(folder), count, with_pictures=with_pictures)
                name = f"{count:,}" if with_pictures else f"{count:,}, pictures gone"
                tell(row(out, name, arguments.browser))
    if arguments.results:
        (arguments.results / "report.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
