"""Pictures of buckets, each as a file for as long as a worker has it at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ...stages.clock import Clock
from ...stages.paths import called
from ..storage.buckets import pieces_of
from ..storage.urls import is_url, shown
from .atomic import FULL, output_errors


@contextmanager
def at_hand(place: str, folder: Path, clock: Clock) -> Iterator[Path]:
    """Yield the file of a picture; one that a URL leads to is read once, and goes after the block.

    Args:
        place: a path or a URL.
        folder: for the file; the next run empties that of its output, if a worker was killed.
        clock: told of the stage `fetch`, which is there for URLs only.

    Raises:
        ImageError: it does not exist, may not be read, or no server answers.
        OutputError: the disk is full.
    """
    if not is_url(place):
        yield Path(place)
        return
    file = folder / f"fetched-{uuid4().hex}"  # workers of several machines may share the folder
    try:
        with clock.stage("fetch"), output_errors(folder, FULL), file.open("wb") as stream:
            stream.writelines(pieces_of(place))
        with called(file, shown(place)):
            yield file
    finally:
        file.unlink(missing_ok=True)
