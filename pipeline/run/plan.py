"""Decides which pictures of a source need work, and why."""

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
"""Pictures per query of the state: single queries would take longer than their answers."""


def is_on_disk(output: OutputConfig, key: str, page: int) -> bool:
    """Say whether every wanted file of a page exists."""
    return all(path.is_file() for path in wanted(output, key, page))


@dataclass(frozen=True)
class Terms:
    """The terms that decide whether a picture is done.

    Args:
        output: section `output` of the config.
        config_sha256: hash of the settings that decide the result.
        model_sha256: hash of the model.
        max_attempts: number of runs that try a failing, unchanged picture.
        retry_failed: try all failed pictures again, however often they failed.
        force: do everything again.
        since: skip pictures that were last changed before, in nanoseconds since 1970; None: skip
            none.
        is_there: says whether all wanted results of a page exist.
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
    """Look at every picture once and note in the state whether it needs work.

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
        return False, "done"  # the shards were checked before
    for page in range(1, pages + 1):
        if not terms.is_there(terms.output, key, page):
            return True, "result missing"
    return False, "done"
