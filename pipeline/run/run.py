"""`locpipe run`: from a checked config to results on disk and one report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..output.layout import check_layout, prepare_output
from ..output.parts import held
from ..output.root import check_root
from ..workers.messages import Job, Outcome, Task
from ..workers.signals import Stop
from .depot import Depot, depot_of
from .options import Options
from .plan import make_plan
from .preflight import preflight
from .records import Planned
from .state import State
from .summary import Summary

if TYPE_CHECKING:
    from ..config.sections import Config
    from ..picture.process import Exporter

    Exports = Callable[[Config], Exporter]

log = logging.getLogger(__name__)


def execute(config: Config, options: Options, exports: Exports) -> dict[str, Any]:
    """Process all pictures that need work, and return the content of run.json.

    Args:
        config: the config.
        options: the options beside the config.
        exports: makes the exporter of a config. It is not called in a run with nothing to do.

    Raises:
        ConfigError: the source or the scheduler does not exist, or the model cannot do what the
            config asks for.
        ModelError: the model is missing or damaged.
        OutputError: results cannot be written.
        LockedError: another run holds the lock of the output.
    """
    ready = preflight(config, options)  # nothing is written, no network is run
    job = ready.job
    output = job.config.output
    prepare_output(job.output)
    with Stop().listening() as stop, held(output.path, job.part) as lock:
        check_root(output.path, ready.pictures.root, ready.pictures.source)
        # The output is not touched before the lock is held: another run may be starting.
        check_layout(output)
        depot = depot_of(job, lock)
        depot.prepare()
        # run.json says "running" from here on.
        with (
            Summary(ready, options, stop, depot.send) as summary,
            depot.state() as state,
            summary.counting(state),  # also if an error ends the run
        ):
            found = takewhile(lambda _: not stop.requested, ready.found())
            make_plan(state, found, depot.terms(ready.terms))
            state.begin()
            if todo := state.count(todo=True, limit=options.limit):
                depot.keep(state, now=True)
            summary.begin(todo)
            for outcome in _work(job, exports, state, depot, options, stop):
                state.record(outcome, job.config_sha256, job.model_sha256, depot.took(outcome))
                summary.add(outcome)
                depot.keep(state)
            summary.tell_memory()
            if not stop.requested:
                state.finish()
                if job.config.output.exports and job.part is None:
                    incomplete = frozenset(failure.path for failure in state.failures())
                    summary.left_out = exports(job.config).finish(incomplete)
    return summary.report


def _work(
    job: Job, exports: Exports, state: State, depot: Depot, options: Options, stop: Stop
) -> Iterator[Outcome]:
    """Yield the outcomes of the planned work, as they come.

    Pictures that need more memory than a worker has are processed at the end, with fewer workers.
    """
    todo = state.count(todo=True, limit=options.limit)
    log.info("%d pictures to do", todo)
    tasks = _tasks(state.planned(todo=True, limit=options.limit), depot, options)
    with _workers(job, exports, tasks, (todo, 0), options, stop) as outcomes:
        for outcome in outcomes:
            if outcome.needs:
                state.put_off(outcome)
            else:
                yield outcome
    large, needs = state.put_off_so_far()
    if large and not stop.requested:
        log.info("%d pictures need more memory, up to %.1f GiB", large, needs / 2**30)
    tasks = _tasks(state.planned(put_off=True), depot, options)
    with _workers(job, exports, tasks, (large, needs), options, stop) as outcomes:
        yield from outcomes


def _tasks(planned: Iterator[Planned], depot: Depot, options: Options) -> Iterator[Task]:
    for each in planned:
        yield Task(
            each.picture.key,
            each.picture.path,
            options.force,
            each.pages,
            each.left_alone,
            fault=each.picture.fault,
            there=depot.there(each.picture.key),
        )


@contextmanager
def _workers(
    job: Job,
    exports: Exports,
    tasks: Iterator[Task],
    count_and_needs: tuple[int, int],
    options: Options,
    stop: Stop,
) -> Iterator[Iterator[Outcome]]:
    """Start or join workers for a number of pictures and their memory; yield the outcomes."""
    todo, needs = count_and_needs
    if not todo or stop.requested:
        yield iter(())
        return
    # Late: they import Dask and tqdm, which a run with nothing to do does not need.
    from ..workers.box_finder import finding_boxes  # noqa: PLC0415
    from .progress import Progress  # noqa: PLC0415

    with (
        finding_boxes(job, exports(job.here), tasks, todo, stop, needs) as outcomes,
        Progress(todo, shown=options.progress) as progress,
    ):
        yield progress.watch(outcomes)
