"""Pictures in a state: the record of earlier runs, and the plan of this run."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..sources.pictures import Picture

PAGE_MARK: Final = ".page-"
"""Part of the result names of pages after the first. Names of pictures may contain it too."""


@dataclass(frozen=True)
class Known:
    """The record of a picture from an earlier run, or from this one before an interruption.

    `attempts` counts the runs that failed on the unchanged picture: on the whole file, or on the
    page with the fewest failures.
    """

    size: int
    mtime_ns: int
    config_sha256: str
    model_sha256: str
    status: Literal["done", "failed", "begun"]
    pages: int
    attempts: int
    run: int


@dataclass(frozen=True)
class Planned:
    """A picture in the plan: whether it needs work, and why.

    `pages` is the number of its pages when it was last processed; 0: unknown. The pages in
    `left_alone` have failed too often.
    """

    picture: Picture
    size: int
    mtime_ns: int
    todo: bool
    reason: str
    pages: int = 0
    left_alone: tuple[int, ...] = ()


def row_of(planned: Planned) -> tuple[object, ...]:
    """Return a picture as a row of the plan, without its last column."""
    picture = planned.picture
    return (
        os.fsencode(picture.key),
        os.fsencode(picture.path),
        planned.size,
        planned.mtime_ns,
        planned.todo,
        picture.fault or planned.reason,
        planned.pages,
        " ".join(map(str, planned.left_alone)),
    )


def planned_of(row: Sequence[Any]) -> Planned:
    """Return the picture of a row of the plan."""
    key, path, size, mtime_ns, todo, reason, pages, left_alone = row
    picture = Picture(os.fsdecode(key), os.fsdecode(path), fault="" if path else reason)
    alone = tuple(map(int, left_alone.split()))
    return Planned(picture, size, mtime_ns, bool(todo), reason, pages, alone)
