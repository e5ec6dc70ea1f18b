"""Parts of an input, which several runs process at the same time without a scheduler.

The desk of a part is a folder below `.locpipe/parts/` with the internal files of its run: lock,
state, unfinished files, `run.json` and `failures.jsonl`. Results go to the common output.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ...stages.errors import ConfigError
from ..sources.results import STATE_FOLDER
from ..storage.objects import names_in
from ..storage.urls import RemotePath
from .atomic import check_inside
from .bucket_lock import is_live
from .layout import key_of, prepare_output
from .lock import LockedError, locked

PARTS: Final = "parts"
_PATIENCE: Final = 5.0
"""Seconds. A process that only tests the lock of the output holds it for a shorter time."""


@dataclass(frozen=True, order=True)
class InputPart:
    """Part `number`, from 1, of `of` parts of an input."""

    of: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `K/N`.

        Raises:
            ConfigError: the text has another form.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            msg = f"--part {text}: write K/N with K from 1 to N, for example --part 3/8"
            raise ConfigError(msg)
        return cls(int(found[2]), int(found[1]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def __contains__(self, key: str) -> bool:
        """Say whether a picture belongs to this part, by a hash of its key that never changes."""
        # All pages of a file, and pictures named like such a page, are in one part.
        digest = hashlib.sha256(os.fsencode(key_of(key))).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1

    def desk(self, output: Path) -> Path:
        """Return the folder of the internal files of this part."""
        return _folder(output) / f"{self.number}-of-{self.of}"


def desk_of(output: Path, part: InputPart | None) -> Path:
    """Return the folder of a run's internal files: the output, or the desk of its part."""
    return output if part is None else part.desk(output)


def _folder(output: Path) -> Path:
    return output / STATE_FOLDER / PARTS


def parts_begun(output: Path) -> list[InputPart]:
    """Return the parts of an output that were begun but not merged, in order."""
    found = (re.fullmatch(r"(\d+)-of-(\d+)", name) for name in names_in(_folder(output)))
    return sorted(InputPart(int(each[2]), int(each[1])) for each in found if each)


def refuse_parts(output: Path) -> None:
    """Check that no part of an output waits for `locpipe merge`.

    Raises:
        LockedError: a part does.
    """
    if begun := parts_begun(output):
        some = ", ".join(map(str, begun[:5])) + ", …" * (len(begun) > 5)
        advice = f"wait for them, then type: locpipe merge {output}"
        if isinstance(output, RemotePath):
            advice = "give --part here too, or choose another output.path"
        msg = f"{output}: parts are at work here, or are not merged yet (--part {some}); {advice}"
        raise LockedError(msg)


@contextmanager
def held(output: Path, part: InputPart | None) -> Iterator[object]:
    """Hold and yield the lock of an output (whole run) or of the desk of a part.

    Raises:
        LockedError: another run holds it; or a whole run meets parts, a part meets a whole run, or
            the number of parts differs.
        OutputError: it cannot be written.
    """
    if part is None:
        with locked(output) as lock:
            refuse_parts(output)
            yield lock
        return
    desk = part.desk(output)
    is_new = False
    if not isinstance(output, RemotePath):  # in a bucket, the lock is the first object of a desk
        check_inside(output, desk)
        is_new = not desk.exists()
        prepare_output(desk)
    with locked(desk) as lock:
        try:
            _check_neighbours(output, part)
        except LockedError:
            if is_new:
                shutil.rmtree(desk)
            raise
        yield lock


def _check_neighbours(output: Path, part: InputPart) -> None:
    """Check that no whole run is working. It locks, then looks for desks; a part the reverse."""
    if not isinstance(output, RemotePath):
        with locked(output, patience=_PATIENCE):
            pass
    elif is_live(output):  # no try: parts that begin together would wait for each other
        msg = f"--part {part}: a run without --part is at work at {output}; wait for it, or choose another output.path"
        raise LockedError(msg)
    others = [other for other in parts_begun(output) if other.of != part.of]
    if others:
        msg = (
            f"--part {part}: {output} has parts of {others[0].of} (--part {others[0]}); give the same "
            f"number, or finish those and type: locpipe merge {output}"
        )
        raise LockedError(msg)
