"""The pictures of a folder in a bucket, or one picture on a server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ...stages.errors import ConfigError
from ..storage.buckets import Found, beginning_of, listed, looked_up
from ..storage.objects import holds_files
from ..storage.urls import RemotePath, is_http, key_below, located
from .manifests import MANIFESTS
from .pictures import Picture, Pictures
from .results import CROPS, FOLDERS, MOST_KEPT, RUN_REPORT, STATE_FOLDER, Results


class BucketPictures(Pictures):
    """The pictures of a bucket, in no particular order; see `Pictures`.

    Args:
        source: a folder, or a picture.
        output: the output of this run.
        root: the root of the names of results.
        one: the picture, if the source is a single picture.
    """

    def __init__(self, source: RemotePath, output: Path, root: Path, one: Found | None) -> None:
        super().__init__(source, Results(None, str(output)), root)
        self.source = source
        self._output = str(output) if source in output.parents else None
        self._one = one
        self._is_output = lru_cache(maxsize=MOST_KEPT)(_is_output)

    def __iter__(self) -> Iterator[Picture]:
        """Yield every picture, in no particular order.

        Raises:
            ConfigError: the bucket cannot be listed.
        """
        self.ignored.clear()
        self.results.forget()
        self._is_output.cache_clear()
        if self._one is not None:
            yield self._found(self._one)
            return
        for found in listed(self._folder):
            if self._output is not None and found.url.startswith(f"{self._output}/"):
                self.results.found.add(self._output)
                continue
            below = key_below(found.url, self.source) or ""
            *folders, name = below.split("/")
            if self._are_results(folders) or STATE_FOLDER in folders:
                continue
            if any(folder.startswith(".") for folder in folders):
                self._pass_over("hidden")
                continue
            if self._is_picture(name):
                yield self._found(found)

    def check(self) -> None:
        """Check that the source exists, can be read, and lies below the root.

        Raises:
            ConfigError: one of these is false.
        """
        if self.source != self.root:
            self._key(str(self.source))
        if self._one is None and self._lies_in_results():
            msg = (
                f"input.path: {self.source} is results of a run, not pictures; "
                "name pictures, or crops that were exported (exports/crops)"
            )
            raise ConfigError(msg)

    @property
    def _folder(self) -> RemotePath:
        assert isinstance(self.source, RemotePath)
        return self.source

    def _found(self, found: Found) -> Picture:
        return Picture(self._key(found.url), found.url, found.size_and_time)

    def _are_results(self, folders: list[str]) -> bool:
        """Say whether folders below the source lead into results of a run; if so, note this."""
        for depth, folder in enumerate(folders):
            output = "/".join((str(self.source), *folders[:depth]))
            if folder in FOLDERS and self._is_output(output):
                self.results.found.add(output)
                return True
        return False

    def _lies_in_results(self) -> bool:
        parts = self.source.parts
        for depth, folder in enumerate(parts[2:], 2):
            is_crops = parts[depth : depth + len(CROPS)] == CROPS
            output = str(RemotePath(*parts[:depth]))
            if folder in FOLDERS and not is_crops and self._is_output(output):
                return True
        return False


def open_bucket(source: RemotePath, output: Path, root: Path | None) -> BucketPictures:
    """Find out whether a URL is a folder or a picture; names of results are relative to the root.

    Without a root, it is the folder, or the folder of the picture.

    Raises:
        ConfigError: the source does not exist, may not be read, is a list, or lies outside the
            root.
    """
    if len(source.parts) < 2:
        msg = f"input.path: {source} names no bucket; write {source}BUCKET/FOLDER"
        raise ConfigError(msg)
    one = _one_picture(source)
    if one is not None and source.suffix.lower() in MANIFESTS:
        msg = f"input.path: {source} is a list in a bucket; copy it to a disk, and give the copy"
        raise ConfigError(msg)
    start = source if one is None else source.parent
    if source == output:
        msg = (
            f"output.path: {output} is also input.path, so results would be taken for pictures; "
            f"choose another folder, for example {output / 'locpipe'}"
        )
        raise ConfigError(msg)
    pictures = BucketPictures(source, output, root or start, one)
    pictures.check()
    return pictures


def _one_picture(source: RemotePath) -> Found | None:
    """Return the picture of a URL; None: it is a folder that is not empty, or a whole bucket."""
    url = str(source)
    refused = None
    if not is_http(url):
        try:
            if any(True for _ in listed(source)) or len(source.parts) == 2:
                return None
        except ConfigError as error:  # the user may read an object, but not list the bucket
            refused = error
    try:
        one = looked_up(url)
    except ConfigError as error:
        raise refused or error from None
    if one is not None:
        return one
    if refused is not None:
        raise refused
    advice = "nothing has a name that begins so: check the name, and that of the bucket"
    if is_http(url):
        advice = "a server lists no folders: give a picture, or a list of URLs"
    msg = f"input.path: {source} does not exist; {advice}"
    raise ConfigError(msg)


def _is_output(folder: str) -> bool:
    if b'"locpipe/run/' in beginning_of(f"{folder}/{RUN_REPORT}"):
        return True
    return holds_files(located(f"{folder}/{STATE_FOLDER}"))  # parts have reports of their own
