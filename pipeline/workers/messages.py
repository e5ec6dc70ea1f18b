"""What travels between the parent and the workers, all of it small."""

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
    """What is the same for every picture of a run.

    Args:
        config: the whole config, its paths absolute.
        config_sha256: of what decides the result.
        model: name of a shipped model, absolute path of a folder, or a backbone.
        model_sha256: what the model must be, wherever the worker runs.
        part: of the input that is done; None: all of it.
        version: of locpipe; workers must have the same.
        name: of this run among others at the same workers.
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
        """In the parent itself, in processes of ours, or in workers that others started."""
        if self.config.run.scheduler is not None:
            return "remote"
        return "inside" if self.config.run.workers == 0 else "local"

    @property
    def remote(self) -> RemotePath | None:
        """Where the results go, if that is a bucket."""
        path = self.config.output.path
        return path if isinstance(path, RemotePath) else None

    @property
    def output(self) -> Path:
        """Folder of the results; of those at work, on this machine, where they go to a bucket."""
        return self.config.output.path if self.remote is None else self.desk

    @property
    def desk(self) -> Path:
        """Folder of what the run keeps to itself: the output, or the desk of its part."""
        return workplace(desk_of(self.config.output.path, self.part))

    @property
    def here(self) -> Config:
        """The config, with the folder of this machine that results are written to."""
        if self.remote is None:
            return self.config
        output = self.config.output.model_copy(update={"path": self.output})
        return self.config.model_copy(update={"output": output})

    @property
    def timeout(self) -> float:
        """Seconds a page may take."""
        return self.config.run.timeout


@dataclass(frozen=True)
class Task:
    """One picture file to work on.

    Args:
        force: redo it even if its results are there.
        pages: that it had when it was done before; 0: not known.
        left_alone: pages that have failed too often.
        fault: why there is nothing to open.
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
    """What became of a picture.

    Args:
        status: done now, kept from before (same content, config and model), failed, or stopped at a
            page.
        failure: of the whole file: stage, class of the error, and message.
        pixels: of all pages.
        seconds: time of each stage, summed over pages.
        worker: address of the worker.
        peak_memory: largest resident size of the worker process so far, bytes.
        engine: that ran the network; empty where nothing was computed.
        warnings: what the log of the worker said of it; empty where the worker is the parent.
        cut: boxes that were found now and left out because of boxes.max.
        filtered: boxes that each key of boxes.keep turned away now.
        failed_pages: of a file whose other pages have results.
        least_memory: bytes that run.memory would have to be; 0: it was enough.
        rows: of its pages, where results lie in shards.
        hottest: largest value of its heatmaps, 0..1; 0 where nothing was computed.
        needs: bytes of memory that would do, where this worker has too few.
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
