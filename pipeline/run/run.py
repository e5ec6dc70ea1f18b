"""`locpipe run`: from a checked config to results on disk and one report."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...stages.errors import ExitCode
from ...stages.load import EXTENSIONS
from ...stages.models.card import Backbone
from ...stages.models.loading import find_model, list_models, read_card, verify_model
from ...stages.precision import float32_only
from ..output.atomic import write_json
from ..output.failures import FAILURES, write_failures
from ..output.layout import prepare_folders, prepare_output, sweep
from ..output.lock import locked
from ..sources.pictures import Pictures, open_source
from ..workers.messages import Job, Task
from ..workers.signals import Stop
from .plan import Terms, make_plan
from .preflight import check_masks
from .progress import Progress
from .state import Store
from .summary import Tally, versions

if TYPE_CHECKING:
    from ..config.sections import Config
    from ..picture.process import Exporter

__all__ = ["Options", "execute", "preview"]

SCHEMA: Final = "locpipe/run/1"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What a run can be told besides its config; see `locpipe run --help`."""

    limit: int | None = None
    retry_failed: bool = False
    force: bool = False
    require_input: bool = False
    progress: bool = False
    argv: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


@dataclass(frozen=True)
class _Prepared:
    job: Job
    terms: Terms
    pictures: Pictures


def preview(config: Config, options: Options) -> Iterator[tuple[str, str]]:
    """Yield the key of every picture and what a run would do about it, changing nothing.

    Raises:
        LocpipeError: as `run`, as far as can be told without starting.
    """
    prepared = _prepare(config, options)
    with Store(prepared.job.config.output.path, read_only=True) as store:
        make_plan(store, prepared.pictures, prepared.terms)
        left = options.limit
        for planned in store.planned():
            over = planned.todo and left == 0
            if planned.todo and left:
                left -= 1
            action = "leave" if over or not planned.todo else "process"
            yield planned.picture.key, f"{action}: {'over --limit' if over else planned.reason}"


def execute(
    config: Config, options: Options, exports: Callable[[Config], Exporter]
) -> dict[str, Any]:
    """Work on all pictures there is something to do for, and return what run.json says.

    Args:
        config: what to do.
        options: besides the config.
        exports: makes what writes the exports that a config asks for.

    Raises:
        ConfigError: the source or the scheduler does not exist, or the config asks for something
            that the model does not have.
        ModelError: the model is missing or damaged.
        OutputError: results cannot be written.
        LockedError: another run holds the lock of the output.
    """
    prepared = _prepare(config, options)
    output = prepared.job.config.output.path
    exporter = exports(prepared.job.config)
    prepare_output(output)
    prepare_folders(prepared.job.config.output)
    stop = Stop()
    with ExitStack() as stack:
        stack.enter_context(stop.listening())
        stack.enter_context(locked(output))
        sweep(output)
        with Store(output) as store:
            pictures = takewhile(lambda _: not stop.requested, prepared.pictures)
            make_plan(store, pictures, prepared.terms)
            store.begin()
            tally = _work(prepared, store, options, exporter, stop)
            if not stop.requested:
                store.finish()
            report = _write_report(prepared, store, tally, options, stop)
        if not stop.requested and exporter.finish() and not report["exit_code"]:
            report["exit_code"] = int(ExitCode.INCOMPLETE)
            write_json(output, output / "run.json", report)
        return report


def _prepare(config: Config, options: Options) -> _Prepared:
    """Check everything that can be checked before anything is started or written."""
    float32_only()  # refuses what it does not know, before any picture would
    folder = find_model(config.source)
    card = read_card(folder)
    check_masks(card, config)
    model_sha256 = verify_model(folder)
    config_sha256 = config.sha256()
    config = _absolute(config)
    if not _ran_before(config, config_sha256, model_sha256):
        card.supports(config)
    pictures = open_source(config.input.path, config.output.path, EXTENSIONS)
    # A name is looked up by the worker, whose copy of a shipped model may lie elsewhere.
    model = config.source if folder in list_models() else _whole_path(folder)
    terms = Terms(
        config.output,
        config_sha256,
        model_sha256,
        config.run.max_attempts,
        retry_failed=options.retry_failed,
        force=options.force,
    )
    return _Prepared(Job(config, config_sha256, model, model_sha256), terms, pictures)


def _ran_before(config: Config, config_sha256: str, model_sha256: str) -> bool:
    """Say whether the last run here was by this config: a run with nothing to do needs no torch."""
    try:
        report = json.loads((config.output.path / "run.json").read_bytes())
        before = report["config_sha256"], report["model_sha256"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return before == (config_sha256, model_sha256)


def _whole_path(folder: Path | Backbone) -> str | Backbone:
    return folder if isinstance(folder, Backbone) else str(folder.absolute())


def _absolute(config: Config) -> Config:
    sections = {
        name: section.model_copy(update={"path": section.path.absolute()})
        for name, section in (("input", config.input), ("output", config.output))
    }
    return config.model_copy(update=sections)


def _work(
    prepared: _Prepared, store: Store, options: Options, exporter: Exporter, stop: Stop
) -> Tally:
    tally = Tally()
    todo = store.count(todo=True, limit=options.limit)
    log.info("%d pictures to do", todo)
    if not todo or stop.requested:
        return tally
    # Late, so that a run with nothing to do is over in no time.
    from ..workers.box_finder import BoxFinder  # noqa: PLC0415
    from ..workers.cluster import open_client  # noqa: PLC0415
    from ..workers.dispatch import dispatch  # noqa: PLC0415

    job = prepared.job
    tasks = (
        Task(planned.picture.key, planned.picture.path, options.force)
        for planned in store.planned(todo=True, limit=options.limit)
    )
    with (
        open_client(job.config.run, todo) as client,
        Progress(todo, shown=options.progress) as progress,
    ):
        for outcome in dispatch(client, BoxFinder(job, exporter), tasks, stop):
            store.record(outcome, job.config_sha256, job.model_sha256)
            tally.add(outcome)
            progress.add(outcome)
    return tally


def _write_report(
    prepared: _Prepared, store: Store, tally: Tally, options: Options, stop: Stop
) -> dict[str, Any]:
    job = prepared.job
    output = job.config.output.path
    write_failures(output, FAILURES, store.failures())
    left_alone = store.left_alone()
    report = {
        "schema": SCHEMA,
        "exit_code": int(_exit_code(store, options, stop)),
        "counts": {
            "found": store.count(),
            "ignored": prepared.pictures.ignored,
            "up_to_date": left_alone.get("done", 0),
            "given_up": left_alone.get("failed", 0),
            **{status: tally.counts[status] for status in ("done", "kept", "failed")},
        },
        **tally.summary(),
        "model": job.model if isinstance(job.model, str) else job.model.model_dump(),
        "model_sha256": job.model_sha256,
        "config_sha256": job.config_sha256,
        "config": job.config.model_dump(),
        "argv": list(options.argv),
        "versions": versions(),
    }
    write_json(output, output / "run.json", report)
    return report


def _exit_code(store: Store, options: Options, stop: Stop) -> ExitCode:
    if stop.signal is not None:
        return ExitCode.of_signal(stop.signal)
    if options.require_input and not store.count():
        return ExitCode.NO_PICTURE
    return ExitCode.INCOMPLETE if store.failed_in_this_run() else ExitCode.DONE
