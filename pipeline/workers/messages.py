"""The messages between the parent and the workers. All are small."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...stages.models.card import Backbone
from ...stages.version import __version__
from ..config.sections import Config
from ..output.failures import PageFailure
from ..output.parts import InputPart, desk_of
from ..output.workplace import workplace
from ..storage.urls import RemotePath

Place = Literal["inside", "local", "remote"]


@dataclass(frozen=True)
class Job:
    """The data that are the same for every picture of a run.

    Args:
        config: the whole config, with absolute paths.
        config_sha256: hash of the settings that decide the result.
        model: name of a shipped model, absolute path of a folder, or a backbone.
        model_sha256: hash that the model of every worker must have.
        part: part of the input; None: all of it.
        version: version of locpipe; workers must have the same.
        name: name of this run among others on the same workers.
    """

    config: Config
    config_sha256: str
    model: str | Backbone
    model_sha256: str
    part: InputPart | None = None
    version: str = __version__
    name: str = field(default_factory=lambda: f"locpipe-{uuid.uuid4().hex}")

    @property
    def place(self) -> Place:
        """Where the work is done: in the parent, in its own processes, or in other workers."""
        if self.config.run.scheduler is not None:
            return "remote"
        return "inside" if self.config.run.workers == 0 else "local"

    @property
    def remote(self) -> RemotePath | None:
        """The place of the results if it is a bucket, else None."""
        path = self.config.output.path
        return path if isinstance(path, RemotePath) else None

    @property
    def output(self) -> Path:
        """Folder of the results; for a bucket, the local folder of unfinished results."""
        return self.config.output.path if self.remote is None else self.desk

    @property
    def desk(self) -> Path:
        """Folder of the run's internal files: the output, or the desk of its part."""
        return workplace(desk_of(self.config.output.path, self.part))

    @property
    def here(self) -> Config:
        """The config, with the local folder for results."""
        if self.remote is None:
            return self.config
        output = self.config.output.model_copy(update={"path": self.output})
        return self.config.model_copy(update={"output": output})

    @property
    def timeout(self) -> float:
        """Seconds that a page may take."""
        return self.config.run.timeout


@dataclass(frozen=True)
class Task:
    """One picture file to work on.

    Args:
        force: process it even if its results exist.
        pages: number of pages when it was last processed; 0: unknown.
        left_alone: pages that have failed too often.
        fault: the reason why there is nothing to open.
        failed: pages that ended their worker in this run.
        there: names of its results in the bucket, below the output.
    """

    key: str
    path: str = field(repr=False)  # a URL may hold a signature, and Dask logs what it was given
    force: bool
    pages: int = 0
    left_alone: tuple[int, ...] = ()
    failed: tuple[PageFailure, ...] = ()
    fault: str = ""
    there: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a picture.

    Args:
        status: done now, kept from before (same content, config and model), failed, or stopped at a
            page.
        failure: failure of the whole file: stage, class of the error, and message.
        pixels: of all pages.
        seconds: time of each stage, summed over pages.
        worker: address of the worker.
        peak_memory: largest resident size of the worker process so far, bytes.
        engine: engine that ran the network; empty if nothing was computed.
        warnings: warnings in the log of the worker; empty if the worker is the parent.
        cut: number of boxes that boxes.max left out now.
        filtered: number of boxes that each key of boxes.keep removed now.
        failed_pages: failed pages of a file whose other pages have results.
        least_memory: the value that run.memory needed, in bytes; 0: it was enough.
        rows: rows of its pages, if results lie in shards.
        hottest: largest value of its heatmaps, 0..1; 0 if nothing was computed.
        needs: bytes of memory that would be enough, if this worker has too few.
    """

    key: str
    status: Literal["done", "kept", "failed", "stopped"]
    sha256: str = ""
    pages: int = 0
    boxes: int = 0
    pixels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    failure: tuple[str, str, str] | None = None
    worker: str = ""
    peak_memory: int = 0
    engine: str = ""
    warnings: tuple[str, ...] = ()
    cut: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    failed_pages: tuple[PageFailure, ...] = ()
    least_memory: int = 0
    needs: int = 0
    hottest: float = 0.0
    rows: tuple[dict[str, Any], ...] = ()
