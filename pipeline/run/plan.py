"""Which pictures of a source there is work to do for, and why."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from ..config.sections import OutputConfig
from ..output.layout import wanted
from ..sources.pictures import Picture
from .records import Known, Planned
from .state import State

MISSING = (-1, -1)
PLANNED_AT_ONCE = 1000
"""Pictures that the state is asked about together: a question each took longer than the answers."""


def is_on_disk(output: OutputConfig, key: str, page: int) -> bool:
    """Whether every file that is wanted of a page is there."""
    return all(path.is_file() for path in wanted(output, key, page))


@dataclass(frozen=True)
class Terms:
    """What decides whether a picture is done.

    Args:
        output: section of the config.
        config_sha256: of what decides the result.
        model_sha256: of the model.
        max_attempts: runs that try an unchanged picture which fails.
        retry_failed: try all failures again, whatever their number.
        force: do everything again.
        since: leave pictures alone that were changed before, in nanoseconds since 1970; None: leave none.
        is_there: whether all results are there that are wanted of a page of a picture.
    """

    output: OutputConfig
    config_sha256: str
    model_sha256: str
    max_attempts: int
    retry_failed: bool = False
    force: bool = False
    since: int | None = None
    is_there: Callable[[OutputConfig, str, int], bool] = is_on_disk


def make_plan(state: State, pictures: Iterable[Picture], terms: Terms) -> None:
    """Look at every picture once and note in the state what there is to do.

    Raises:
        ConfigError: a picture is listed twice, or two would share the names of their results.
    """
    left = iter(pictures)
    while some := list(islice(left, PLANNED_AT_ONCE)):
        known = state.known_of([picture.key for picture in some])
        state.plan([_planned(each, known.get(each.key), state, terms) for each in some])
    state.check_names()


def _planned(picture: Picture, known: Known | None, state: State, terms: Terms) -> Planned:
    size, mtime_ns = picture.size_and_time or _size_and_time(picture.path)
    given_up: tuple[int, ...] = ()
    if known is not None and _stays_as_it_failed(known, (size, mtime_ns), terms):
        given_up = state.given_up(picture.key, terms.max_attempts)
    is_older = (size, mtime_ns) != MISSING and mtime_ns < (terms.since or mtime_ns)
    if is_older:
        todo, reason = False, "older than --since"
    else:
        todo, reason = _decide(known, state.run, picture.key, (size, mtime_ns), terms)
    pages = known.pages if known is not None else 0
    return Planned(picture, size, mtime_ns, todo, reason, pages, given_up)


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - hot
    except OSError:
        return MISSING
    return status.st_size, status.st_mtime_ns


def _decide(
    known: Known | None, run: int, key: str, size_and_time: tuple[int, int], terms: Terms
) -> tuple[bool, str]:
    if terms.force:
        return True, "forced"
    if known is None:
        return True, "new"
    if changed := _changed(known, size_and_time, terms):
        return True, f"{changed} changed"
    if known.status == "begun":
        return True, "begun by a run that did not finish it"
    if known.status == "failed":
        return _decide_failed(known, run, terms)
    return _decide_done(key, known.pages, terms)


def _stays_as_it_failed(known: Known, size_and_time: tuple[int, int], terms: Terms) -> bool:
    is_tried_again = terms.force or terms.retry_failed or _changed(known, size_and_time, terms)
    return known.status == "failed" and not is_tried_again


def _changed(known: Known, size_and_time: tuple[int, int], terms: Terms) -> str | None:
    if (known.size, known.mtime_ns) != size_and_time:
        return "picture"
    if known.model_sha256 != terms.model_sha256:
        return "model"
    return "config" if known.config_sha256 != terms.config_sha256 else None


def _decide_failed(known: Known, run: int, terms: Terms) -> tuple[bool, str]:
    if terms.retry_failed:
        return True, "failed before, told to retry"
    if known.run == run:
        return False, "failed in this run, before it was interrupted"
    if known.attempts >= terms.max_attempts:
        return False, f"given up after {known.attempts} failures"
    return True, "failed before"


def _decide_done(key: str, pages: int, terms: Terms) -> tuple[bool, str]:
    if terms.output.layout == "shards":
        return False, "done"  # the shards themselves were looked at
    for page in range(1, pages + 1):
        if not terms.is_there(terms.output, key, page):
            return True, "result missing"
    return False, "done"
