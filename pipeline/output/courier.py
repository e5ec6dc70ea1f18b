"""Copies results between a bucket and the folder where they are made."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...stages.errors import ImageError
from ..storage.objects import brought, put, removed
from ..storage.urls import RemotePath
from .atomic import FULL, output_errors
from .layout import result_path

_LONGEST = 1024
"""Longest name of an object in bytes; the limit holds for all stores."""
_ORDER = ("masks", "overlays", "heatmaps", "boxes")
_VOUCHES = "boxes/"
"""The box JSON is put last and removed first: if it is there, the others are."""


@dataclass(frozen=True)
class Courier:
    """Copies the results of a picture. It is sent to the workers, so it pickles.

    Args:
        output: the place of the results in the bucket.
        folder: the folder where they are made.
    """

    output: RemotePath
    folder: Path

    def bring(self, names: Iterable[str]) -> None:
        """Make files that stand for the objects of a picture, unless newer files exist.

        Box JSON is copied. For other objects it only matters that they exist, so these files are
        empty. All get the time 0, which no file made here has.

        Args:
            names: names of the objects, below the output.

        Raises:
            OutputError: the bucket cannot be read, or the disk is full.
        """
        for name in names:
            file = self.folder / name
            if _is_made_here(file):
                continue  # a dead worker had written more than the bucket has
            with output_errors(self.folder, FULL):
                file.parent.mkdir(parents=True, exist_ok=True)
                if not name.startswith(_VOUCHES):
                    file.touch()
                elif brought(self.output / name, file) is None:
                    continue
                os.utime(file, ns=(0, 0))

    def send(self, key: str, pages: int | None, names: Collection[str]) -> None:
        """Move the new files of a picture to the bucket, and remove objects that are gone here.

        The box JSON of a page is put last. An old one is removed before anything of its page is
        overwritten.

        Args:
            key: key of the picture.
            pages: number of its pages; None: as many as have files.
            names: names of the objects that existed before.

        Raises:
            OutputError: the bucket cannot be written.
            ImageError: no object may have such a name.
        """
        files = list(self._files(key, pages))
        new = [name for name in files if _is_made_here(self.folder / name)]
        gone = sorted(set(names).difference(files))  # box JSON sorts first
        stale = [name for name in new if name in names and name.startswith(_VOUCHES)]
        self.remove([*stale, *gone])
        for name in new:
            self._put(name)
        for name in files:
            (self.folder / name).unlink()

    def _files(self, key: str, pages: int | None) -> Iterator[str]:
        """Yield the existing files of a picture, page by page, as names below the folder."""
        for page in itertools.count(1) if pages is None else range(1, pages + 1):
            files = [result_path(self.folder, kind, key, page) for kind in _ORDER]
            there = [str(file.relative_to(self.folder)) for file in files if file.is_file()]
            if pages is None and not there:
                return
            yield from there

    def _put(self, name: str) -> None:
        url = self.output / name
        if (length := len(str(url).split("/", 3)[-1].encode("utf-8", "surrogatepass"))) > _LONGEST:
            msg = (
                f"{str(url)!r} would be {length} bytes long, more than the {_LONGEST} that buckets allow; "
                "rename the picture, or choose a shorter output.path"
            )
            raise ImageError(msg)
        put(url, (self.folder / name).read_bytes())

    def remove(self, names: Collection[str]) -> None:
        """Remove objects below the output, in this order.

        Raises:
            OutputError: they may not be removed.
        """
        removed(self.output / name for name in names)


def _is_made_here(file: Path) -> bool:
    try:
        return file.stat().st_mtime_ns != 0
    except OSError:
        return False
