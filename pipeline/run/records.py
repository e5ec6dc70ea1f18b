"""Pictures as a state has them: what is known of one from before, and what is planned for it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..sources.pictures import Picture

PAGE_MARK: Final = ".page-"
"""In the names of results of pages after the first; a picture may be called so too."""


@dataclass(frozen=True)
class Known:
    """What an earlier run, or an earlier part of this one, found out about a picture.

    `attempts` counts the runs that failed on it unchanged: on the whole file, or on the page
    that failed the fewest times.
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
    """A picture, whether there is work to do, and why or why not.

    `pages` is how many it had when it was last done, 0 if that is not known. The pages `left_alone`
    have failed too often.
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
    """Return the picture of such a row."""
    key, path, size, mtime_ns, todo, reason, pages, left_alone = row
    picture = Picture(os.fsdecode(key), os.fsdecode(path), fault="" if path else reason)
    alone = tuple(map(int, left_alone.split()))
    return Planned(picture, size, mtime_ns, bool(todo), reason, pages, alone)
