"""`locpipe report`: writes a page that shows the results of a run in a browser."""

import base64
import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from ...stages.errors import ConfigError
from ..output.archive import FinishedRun
from ..output.atomic import check_inside, output_errors, write_atomically, write_whole
from ..output.box_json import Page, read_object
from ..sources.results import RUN_REPORT
from ..workers.machine import CORES
from .entries import Entry, failure_entry, page_entry, read_text
from .images import FOLDER, Images
from .totals import Totals

Thing = TypeVar("Thing")
Made = TypeVar("Made")

MOST_EMBEDDED: Final = 500
"""Most pictures in one file: larger files are slow to open and to send."""
_END_OF_JPEG: Final = b"\xff\xd9"
SCRIPTS: Final = ("data", "dom", "list", "marks", "charts", "grid", "sheet", "viewer", "main")
"""Scripts in the order of loading; each uses those before it."""
_LISTED: Final = 5000  # entries per file of the list
_DETAILED: Final = 50  # entries per file of details


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written: the file to open, and what it shows."""

    file: Path
    pages: int
    failed: int
    missing: int


def write_report(
    run: FinishedRun,
    *,
    embed: bool = False,
    watch: Callable[[Iterable[Entry]], Iterable[Entry]] = iter,
) -> WrittenReport:
    """Write `report/index.html` and its files; with `embed`, only one file, `report.html`.

    An earlier report is replaced, but its thumbnails are used again. Entries go through `watch`.

    Raises:
        ConfigError: a result is damaged; or there are more pictures than one file may hold.
        OutputError: the report cannot be written.
    """
    store = _OneFile(run.folder) if embed else _Files(run.folder)
    with output_errors(run.folder / FOLDER):
        store.begin()
        totals = _write_entries(run, store, watch, embed=embed)
        report = read_object(run.folder / RUN_REPORT)
        summary = totals.document(run, report)
        store.save("summary", {**summary, "listed": _LISTED, "detailed": _DETAILED})
        file = store.finish(summary["title"])
    counts = summary["counts"]
    return WrittenReport(file, counts.get("pages", 0), counts["failed"], counts.get("missing", 0))


def _write_entries(
    run: FinishedRun,
    store: "_Files | _OneFile",
    watch: Callable[[Iterable[Entry]], Iterable[Entry]],
    *,
    embed: bool,
) -> Totals:
    images = Images(run, store.has, store.keep, embedded=embed)
    totals, chunks = Totals(), _Chunks(store.save)

    def of_page(page: Page) -> Entry:
        return page_entry(page, images.of(page), read_text(run.folder, page))

    def entries() -> Iterator[Entry]:
        for page, entry in _in_order(of_page, run.pages()):
            totals.add(entry, page)
            yield entry
        for failure in run.failures:
            entry = failure_entry(failure)
            totals.add(entry, None)
            yield entry

    for number, entry in enumerate(watch(entries()), 1):
        if embed and number > MOST_EMBEDDED:
            msg = f"--embed: one file holds at most {MOST_EMBEDDED} pictures, and {run.folder} has more; leave out --embed"
            raise ConfigError(msg)
        chunks.add(entry)
    chunks.flush()
    return totals


def _in_order(
    work: Callable[[Thing], Made], things: Iterable[Thing]
) -> Iterator[tuple[Thing, Made]]:
    """Work on a few things at a time, in threads: decoders release Python's lock."""
    with ThreadPoolExecutor(CORES) as pool:
        under_way: deque[tuple[Thing, Any]] = deque()
        for thing in things:
            under_way.append((thing, pool.submit(work, thing)))
            if len(under_way) > 2 * CORES:
                first, made = under_way.popleft()
                yield first, made.result()
        for first, made in under_way:
            yield first, made.result()


@dataclass
class _Chunks:
    """Passes entries on in files of bounded size: `list-0`, `text-0`, `details-0`, ...."""

    save: Callable[[str, object], None]
    _columns: dict[str, list[object]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self._add("list", entry.listed, _LISTED)
        self._add("text", entry.text, _LISTED)
        self._add("details", entry.details, _DETAILED)

    def _add(self, name: str, value: object, most: int) -> None:
        column = self._columns.setdefault(name, [])
        column.append(value)
        if len(column) == most:
            self._save(name)

    def _save(self, name: str) -> None:
        number = self._numbers.get(name, 0)
        self.save(f"{name}-{number}", self._columns.pop(name))
        self._numbers[name] = number + 1

    def flush(self) -> None:
        for name in tuple(self._columns):
            self._save(name)


class _Files:
    """A report as a folder. Files of an earlier report are used again or removed."""

    def __init__(self, output: Path) -> None:
        self._output, self._folder = output, output / FOLDER
        self._used: set[str] = set()

    def begin(self) -> None:
        for name in ("", "app", "data", "thumbs", "previews"):
            check_inside(self._output, self._folder / name)
        (self._folder / "index.html").unlink(
            missing_ok=True
        )  # written last: if it is there, the rest is
        for name in ("app", "data"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
            (self._folder / name).mkdir(parents=True)

    def has(self, name: str) -> bool:
        self._used.add(name)
        return _is_whole(self._folder / name)

    def keep(self, name: str, content: bytes) -> None:
        file = self._folder / name
        check_inside(self._output, file.parent)
        write_whole(file, content)

    def save(self, name: str, value: object) -> None:
        (self._folder / "data" / f"{name}.js").write_text(_call(name, value), "ascii")

    def finish(self, title: str) -> Path:
        for file in _page_files():
            (self._folder / "app" / file.name).write_bytes(file.read_bytes())
        for folder in ("thumbs", "previews"):
            for file in (self._folder / folder).rglob("*.*"):
                if str(file.relative_to(self._folder)) not in self._used:
                    file.unlink()
        index = self._folder / "index.html"
        write_whole(index, _html(title).encode())
        return index


def _is_whole(thumb: Path) -> bool:
    """Say whether a thumbnail ends as a JPEG does; earlier versions did not flush thumbnails to the disk."""
    try:
        with thumb.open("rb") as file:
            file.seek(-len(_END_OF_JPEG), os.SEEK_END)
            return file.read() == _END_OF_JPEG
    except OSError:  # it is not there, or empty
        return False


class _OneFile:
    """A report in one file, with its thumbnails inside."""

    def __init__(self, output: Path) -> None:
        self._output, self._file = output, output / "report.html"
        self._thumbs: dict[str, str] = {}
        self._data: list[str] = []

    def begin(self) -> None:
        """Do nothing: there are no old files."""

    def has(self, name: str) -> bool:
        return name in self._thumbs

    def keep(self, name: str, content: bytes) -> None:
        self._thumbs[name] = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"

    def save(self, name: str, value: object) -> None:
        self._data.append(_call(name, value))

    def finish(self, title: str) -> Path:
        self.save("thumbs", self._thumbs)
        texts = {file.name: file.read_text("utf-8") for file in _page_files()}
        scripts = [texts.pop(f"{name}.js") for name in SCRIPTS]
        (style,) = texts.values()
        # The data come after the script that receives them and before the script that shows them.
        html = _html(title, style=style, inline=[scripts[0], *self._data, *scripts[1:]])
        write_atomically(self._output, self._file, html.encode())
        return self._file


def _call(name: str, value: object) -> str:
    """Return a call with JSON as a script, in ASCII; nothing in it can end a script element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return f'locpipe.add("{name}", {text});\n'.replace("<", "\\u003c")


def _page_files() -> list[Any]:
    folder = files(__package__).joinpath("page")
    return [file for file in folder.iterdir() if file.name.endswith((".js", ".css"))]


def _html(title: str, *, style: str = "", inline: Iterable[str] = ()) -> str:
    """Return the page; only its own inline scripts are allowed, by their hashes."""
    environment = Environment(
        loader=PackageLoader(__package__, "page"), autoescape=True, undefined=StrictUndefined
    )
    scripts = [*inline]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (*scripts, style)
        if text
    ]
    return environment.get_template("index.html.jinja").render(
        title=title.encode("utf-8", "replace").decode(),
        style=style,
        inline=scripts,
        scripts=SCRIPTS,
        allowed=" ".join(hashes),
    )
