"""How large a report is, how long it takes to make, and how soon a browser shows it.

    python benchmarks/report.py --results benchmarks/results

The runs are made up: pictures of 640 x 480 pixels, each with 12 boxes and their texts. `locpipe report`
makes the report in a new process. Measured are the CPU seconds of all its threads and its peak of resident
memory. Chromium opens the report from the disk. CPU times of the page are those of its main thread. A page
counts as open when pictures and boxes of the first screen are shown. A run of a million pictures would take
hours. So --repeated writes the parts of a report of 5,000 pictures again and again under other names.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.ocr.text import sha256_of_boxes
from locpipe.pipeline.output.box_json import SCHEMA, read_page

COUNTS: Final = (14, 1000, 10000)
BOXES: Final = 12
PART: Final = 5000
"""Pictures in each part of the list."""
HEAD: Final = """| pictures | made in CPU s, peak MB | made again | page and data, MB | thumbnails, MB | opens in s | \
whole list after CPU s | its memory, MB | scrolls: CPU ms per frame | filters and sorts: CPU ms |
|---|---|---|---|---|---|---|---|---|---|"""
LEGEND: Final = """
"Made again" finds its thumbnails there. "Opens" is by the clock; all other times are CPU. "Repeated" has the
list of so many pictures, made from the parts of a report of 5,000, and no thumbnails."""
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
    """Return a picture uint8 [480, 640, 3]; each number gives a different picture."""
    random = np.random.default_rng(number)
    small = random.integers(0, 255, (12, 16, 3), np.uint8)
    return np.asarray(cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def boxes(number: int) -> list[dict[str, Any]]:
    """Return the boxes of a picture in the form of its box JSON."""
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
    """Write the files of a run over `count` pictures; return its output folder."""
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


def made(out: Path) -> tuple[float, float]:
    """Write the report of a run; return CPU seconds and the peak of memory in MB."""
    command = [sys.executable, "-m", "locpipe", "report", str(out), "-q"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, out
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def repeat(report: Path, times: int) -> None:
    """Repeat the parts of a report of PART pictures, as if it had `times` as many pictures."""
    data = report / "data"
    parts = [file for file in data.iterdir() if file.stem != "summary"]
    for n in range(1, times):
        for file in parts:
            kind, number = file.stem.split("-")
            name = f"{kind}-{int(number) + n * sum(part.stem.startswith(kind) for part in parts)}"
            text = file.read_text().replace(file.stem, name, 1).replace('"name":"', f'"name":"{n}/')
            (data / f"{name}.js").write_text(text)
    summary = (data / "summary.js").read_text()
    (data / "summary.js").write_text(summary.replace(f'"entries":{PART}', f'"entries":{PART * times}'))  # fmt: skip


def megabytes(*places: Path) -> float:
    """Return the size in MB of these files and of all files in these folders."""
    found = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in found) / 1e6


@dataclass(frozen=True)
class Shown:
    """The costs in a browser: s to open a report, CPU s and MB for its whole list, CPU ms to scroll and to filter."""

    opens: float
    whole: float
    memory: float
    frame: float
    filter: float


def shown(index: Path, browser: str) -> Shown:
    """Open a report three times; return the medians."""
    # The measuring of a report needs playwright, the making does not.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        found = [_shown(chromium, index) for _ in range(3)]
        chromium.close()
    return Shown(*(statistics.median(column) for column in zip(*found, strict=True)))


def _shown(chromium: Any, index: Path) -> tuple[float, ...]:  # noqa: ANN401 - playwright is optional, so its type is not imported
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def metric(name: str) -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == name))

    def cpu() -> float:
        return metric("TaskDuration")

    page.add_init_script(NOTE_OPENED)
    page.goto(index.as_uri())
    page.wait_for_selector("[data-index] path.box[d^=M]")
    while not page.evaluate("window.opened && list.complete"):
        page.wait_for_timeout(100)
    open_, taken = page.evaluate("window.opened") / 1000, cpu()
    session.send("HeapProfiler.collectGarbage")
    memory, before = metric("JSHeapUsedSize") / 1e6, cpu()
    page.evaluate(SCROLL)
    scrolled = cpu()
    page.evaluate(FILTER)
    frame, choice = (scrolled - before) / FRAMES * 1000, (cpu() - scrolled) * 1000
    context.close()
    return open_, taken, memory, frame, choice


def row(out: Path, count: str, browser: str, *, times: int = 1) -> str:
    """Measure a run; return its row of the table."""
    report = out / "report"
    shutil.rmtree(report, ignore_errors=True)
    (first, peak), (again, _) = made(out), made(out)
    took = f"{first:.1f}, {peak:.0f} | {again:.1f}"
    if times > 1:
        repeat(report, times)
        took = " | "
    page = megabytes(report / "index.html", report / "app", report / "data")
    thumbs = megabytes(report / "thumbs")
    seen = shown(report / "index.html", browser)
    shows = f"{seen.opens:.2f} | {seen.whole:.2f} | {seen.memory:.0f} | {seen.frame:.1f} | {seen.filter:.0f}"
    return f"| {count} | {took} | {page:.2f} | {thumbs:.1f} | {shows} |"


def main() -> None:
    """Print the table, and write it to the folder that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--counts", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--missing", type=int, nargs="*", default=[], help="Runs whose pictures are gone.")  # fmt: skip
    parser.add_argument("--repeated", type=int, nargs="*", default=[], help="Many, by repeating.")
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
    for count in arguments.repeated:
        with tempfile.TemporaryDirectory() as folder:
            out = make_run(Path(folder), PART, with_pictures=False)
            tell(row(out, f"{count:,}, repeated", arguments.browser, times=count // PART))
    if arguments.results:
        (arguments.results / "report.md").write_text("\n".join([*lines, LEGEND, ""]))


if __name__ == "__main__":
    main()
