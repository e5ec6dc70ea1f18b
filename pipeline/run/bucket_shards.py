"""Shards in a bucket: each is made on this machine and put whole; a copy is fetched to read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ...stages.errors import OutputError
from ..output.atomic import FULL, output_errors
from ..output.layout import SHARDS
from ..output.shards import SUFFIX, shard_file
from ..storage.buckets import listed, looked_up
from ..storage.objects import brought, put, removed
from ..storage.urls import RemotePath
from .shard_keeper import ShardKeeper

if TYPE_CHECKING:
    from ..workers.messages import Job


class BucketShardKeeper(ShardKeeper):
    """Collects rows of pictures into shards, which go to a bucket.

    Args:
        job: the job of the run.
        bucket: the place of the results.
    """

    def __init__(self, job: Job, bucket: RemotePath) -> None:
        self._bucket = bucket
        super().__init__(job.output, job.part, job.config_sha256, job.model_sha256)

    def place(self, name: str) -> RemotePath:
        """Return where a shard lies."""
        return RemotePath(shard_file(self._bucket, name))

    def found(self) -> dict[str, tuple[int, int]]:
        """List the shards, each with its size and its time of change."""
        files = ((PurePath(each.url).name, each) for each in listed(self._bucket / SHARDS))
        return {
            name.removesuffix(SUFFIX): each.size_and_time
            for name, each in files
            if name.endswith(SUFFIX)
        }

    def kept(self, name: str) -> tuple[int, int]:
        """Put a shard, which was just written.

        Raises:
            OutputError: it cannot be put.
        """
        file = shard_file(self._output, name)
        put(self.place(name), file)
        file.unlink()
        found = looked_up(str(self.place(name)))
        if found is None:
            msg = f"{self.place(name)}: was removed as it was written; run again"
            raise OutputError(msg)
        return found.size_and_time

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """Yield a copy of a shard.

        Raises:
            OutputError: it may not be read, or the disk is full.
        """
        file = shard_file(self._output, name)
        try:
            with output_errors(self._output, FULL):
                file.parent.mkdir(parents=True, exist_ok=True)
                brought(self.place(name), file)
            yield file
        finally:
            file.unlink(missing_ok=True)

    def set_aside(self, name: str) -> None:
        """Rename a shard that is torn."""
        with self.at_hand(name) as file:
            put(self.place(name).with_suffix(".torn"), file)
        self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a shard."""
        removed([self.place(name)])
