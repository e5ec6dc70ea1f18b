"""Pictures of buckets, copied to files while a worker processes them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from ...stages.clock import Clock
from ...stages.errors import LocpipeError
from ...stages.paths import called
from ..storage.buckets import pieces_of
from ..storage.urls import is_url, shown
from .atomic import FULL, output_errors

_AHEAD: Final = 4
"""Pictures that are fetched before they are asked for."""


class Fetched:
    """The pictures of a group. A few are fetched while another one is processed.

    Use it as a context manager. On exit, it removes files that were not asked for.

    Args:
        places: paths and URLs, in the order in which they are needed.
        folder: folder for the files. If a worker was killed, the next run empties it.
    """

    def __init__(self, places: Iterable[str], folder: Path) -> None:
        self._folder = folder
        self._later = deque(place for place in places if is_url(place))
        self._coming: dict[str, Future[Path]] = {}
        # With a single picture, nothing can be fetched ahead.
        self._pool = ThreadPoolExecutor(_AHEAD) if len(self._later) > 1 else None

    def __enter__(self) -> Self:
        self._fetch_ahead()
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for coming in self._coming.values():
            if not coming.cancelled():
                with suppress(LocpipeError, OSError):
                    coming.result().unlink(missing_ok=True)

    def _fetch_ahead(self) -> None:
        while self._pool is not None and self._later and len(self._coming) < _AHEAD:
            place = self._later.popleft()
            if place not in self._coming:
                self._coming[place] = self._pool.submit(_copied, place, self._folder)

    @contextmanager
    def at_hand(self, place: str, clock: Clock) -> Iterator[Path]:
        """Yield the file of a picture. That of a URL is fetched once, and removed after the block.

        Args:
            place: a path or a URL.
            clock: measures the waiting time as stage `fetch`, for URLs only.

        Raises:
            ImageError: the picture does not exist, may not be read, or no server answers.
            OutputError: the disk is full.
        """
        if not is_url(place):
            yield Path(place)
            return
        with clock.stage("fetch"):
            coming = self._coming.pop(place, None)
            self._fetch_ahead()
            file = _copied(place, self._folder) if coming is None else coming.result()
        try:
            with called(file, shown(place)):
                yield file
        finally:
            file.unlink(missing_ok=True)


def _copied(place: str, folder: Path) -> Path:
    file = folder / f"fetched-{uuid4().hex}"  # workers of several machines may share the folder
    try:
        with output_errors(folder, FULL), file.open("wb") as stream:
            stream.writelines(pieces_of(place))
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return file
