"""`locpipe read`: reads the text in the boxes of a run."""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ...stages.errors import ExitCode
from ..config.sections import RunConfig
from ..output.archive import FinishedRun, open_run
from ..output.atomic import Unsettled, output_errors, write_json
from ..output.box_json import Page
from ..output.failures import READ_FAILURES, Failure, write_failures
from ..output.layout import key_of, prepare_output, result_path, sweep
from ..output.lock import locked
from ..output.shards import has_shards, placed_pages
from ..run.progress import Progress
from ..run.summary import Tally, versions
from ..workers.dispatch import at_work
from ..workers.messages import Task
from ..workers.signals import Stop
from .settings import FOLDER, ReadConfig, open_engine
from .text import sha256_of_boxes
from .worker import Reader, ReadJob, made_by, remove, text_files

SCHEMA: Final = "locpipe/read-run/1"
REPORT: Final = "read.json"
COUNTS: Final = ("pages", "up_to_date", "done", "failed", "without_boxes")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadOptions:
    """The options of `locpipe read` that do not decide the text; see its `--help`."""

    pictures: Path | None = None
    workers: RunConfig = field(default_factory=RunConfig)
    force: bool = False
    incomplete: bool = False
    progress: bool = False
    argv: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def execute(folder: Path, config: ReadConfig, options: ReadOptions) -> dict[str, Any]:
    """Read the boxes of all unread pages of a run; return the content of read.json.

    Raises:
        ConfigError: the folder is no finished run, or the engine or its language is missing.
        OutputError: results cannot be written.
        LockedError: a run is using the output.
    """
    run = open_run(folder.absolute(), options.pictures, incomplete=options.incomplete)
    engine = open_engine(config)
    # Workers do not need the failures, and there may be a million.
    few = replace(run, failures=(), left_out=frozenset())
    job = ReadJob(few, config, engine.version, options.workers)
    stop = Stop()
    with stop.listening(), locked(run.folder):
        prepare_output(run.folder)
        sweep(run.folder)
        counts = Counter(without_boxes=len({failure.path for failure in run.failures}))
        maker = made_by(config, engine)
        _remove_orphans(run)
        tasks = list(_tasks(run, maker, counts, force=options.force))
        with output_errors(run.folder / FOLDER):
            (run.folder / FOLDER).mkdir(exist_ok=True)
        tally, failures = _work(job, tasks, stop, shown=options.progress)
        counts.update(tally.counts)
        status = ExitCode.INCOMPLETE if failures or run.failures else ExitCode.DONE
        if stop.signal is not None:
            status = ExitCode.of_signal(stop.signal)
        report = {
            "schema": SCHEMA,
            "exit_code": int(status),
            "counts": {name: counts[name] for name in COUNTS},
            **tally.summary(),
            **maker,
            "config": config.model_dump(),
            "run": str(run.folder),
            "argv": list(options.argv),
            "versions": versions(),
        }
        failures.sort(key=lambda failure: failure.path)
        write_failures(run.folder, READ_FAILURES, failures)
        write_json(run.folder, run.folder / REPORT, report)
        return report


def _tasks(
    run: FinishedRun, maker: dict[str, str], counts: Counter[str], *, force: bool
) -> Iterator[Task]:
    for page, place in _placed(run):
        counts["pages"] += 1
        if not force and _is_done(run.folder, page, maker):
            counts["up_to_date"] += 1
            continue
        yield Task(page.name, place, force)


def _placed(run: FinishedRun) -> Iterator[tuple[Page, str]]:
    """Yield each page and the place where a worker finds its boxes."""
    if has_shards(run.folder):
        yield from (
            (page, place)
            for page, place in placed_pages(run.folder)
            if page.key not in run.left_out
        )
        return
    for page in run.pages():
        yield page, str(result_path(run.folder, "boxes", page.key, page.page))


def _remove_orphans(run: FinishedRun) -> None:
    """Remove texts of pages that are no longer in the run, or are left out."""
    folder = run.folder
    in_shards = has_shards(folder)
    names = {page.name for page in run.pages()} if in_shards else set()
    for file in (folder / FOLDER).rglob("*.json"):
        name = str(file.relative_to(folder / FOLDER)).removesuffix(".json")
        is_left_out = not run.left_out.isdisjoint((name, key_of(name)))
        is_there = name in names or (folder / "boxes" / f"{name}.json").exists()
        if is_left_out or not is_there:
            remove(folder, name)


def _is_done(folder: Path, page: Page, maker: dict[str, str]) -> bool:
    """Say whether all files are there and whole, by the same engine and from the same boxes."""
    paths = text_files(folder, page.name)
    if not all(path.is_file() for path in paths):
        return False
    try:
        document = json.loads(paths[-1].read_bytes())
    except ValueError:
        return False
    wanted = {**maker, "boxes_sha256": sha256_of_boxes(page)}
    is_whole = isinstance(document, dict) and "unread" not in document
    return is_whole and document.get("made_by") == wanted


def _work(
    job: ReadJob, tasks: Sequence[Task], stop: Stop, *, shown: bool
) -> tuple[Tally, list[Failure]]:
    tally = Tally()
    failures: list[Failure] = []
    log.info("%d pages to read", len(tasks))
    if not tasks or stop.requested:
        return tally, failures
    with (
        at_work(Reader(job), job.workers, tasks, len(tasks), stop) as outcomes,
        Progress(len(tasks), shown=shown) as progress,
    ):
        unsettled = Unsettled(job.output)
        for outcome in progress.watch(outcomes):
            tally.add(outcome)
            unsettled.add(text_files(job.output, outcome.key))
            if outcome.failure is not None:
                failures.append(Failure(outcome.key, *outcome.failure, attempts=1))
        unsettled.settle()
    return tally, failures


def one_line(report: dict[str, Any]) -> str:
    """Return the last line of a reading, for people."""
    counts = report["counts"]
    parts = [
        f"{counts['done']} pages read",
        f"{counts['failed']} failed",
        f"{counts['up_to_date']} were read before",
    ]
    if counts["without_boxes"]:
        parts.append(f"{counts['without_boxes']} pictures had failed in the run")
    where = Path(report["run"]) / FOLDER
    told = f"{', '.join(parts)}; {report['boxes']} boxes with text; {report['seconds']:.1f} s"
    return f"{told}: {where} (a .txt for every picture)"
