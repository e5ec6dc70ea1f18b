"""The summary of a run: its end, counts, times, memory, and everything needed to repeat it."""

from __future__ import annotations

import logging
import math
import platform
import sqlite3
import sys
import time
from array import array
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

from ...stages.errors import ExitCode, OutputError, exit_code_of
from ...stages.version import __version__
from ..output.atomic import settle, write_json, write_whole
from ..output.failures import FAILURES, write_failures
from ..output.layout import RUN_SCHEMA
from ..output.root import ROOT
from ..sources.pictures import passed_over
from ..sources.results import RUN_REPORT
from .metrics import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..workers.messages import Outcome
    from ..workers.signals import Stop
    from .options import Options
    from .preflight import Ready
    from .state import State

PACKAGES: Final = ("dask", "distributed", "numpy", "onnxruntime", "opencv-python", "openvino", "pillow", "scikit-image", "torch", "torchvision")  # fmt: skip

log = logging.getLogger(__name__)


PROGRESS_SECONDS: Final = 5
"""Seconds between two updates of the progress in run.json."""


class Durations:
    """Quantiles of any number of durations in memory that does not grow, exact to 1 %.

    They are from a nanosecond to a month; those beyond count as these.
    """

    BASE: Final = 1.01
    _FIRST: Final = round(math.log(1e-9, BASE))
    _LAST: Final = round(math.log(30 * 86400, BASE))

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * (self._LAST - self._FIRST + 1)))
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        bucket = round(math.log(max(seconds, 1e-9), self.BASE))
        self._buckets[min(max(bucket, self._FIRST), self._LAST) - self._FIRST] += 1
        self.total += seconds

    def quantile(self, share: float) -> float:
        """Return the duration in seconds that a share of all does not exceed; 0: there is none."""
        rank = max(1, share * sum(self._buckets))
        for bucket, seen in enumerate(accumulate(self._buckets), start=self._FIRST):
            if seen >= rank:
                return float(self.BASE**bucket)
        return 0.0

    def summary(self) -> dict[str, float]:
        """Return the quantiles for run.json, in seconds."""
        named = {"p50": self.quantile(0.5), "p95": self.quantile(0.95), "total": self.total}
        return {name: round(seconds, 6) for name, seconds in named.items()}


@dataclass
class Tally:
    """Counts outcomes.

    Attributes:
        counts: pictures by status: done, kept, failed.
        boxes: number of boxes found in this run.
        pixels: pixels of the pictures done in this run.
        memory: largest resident size of each worker, in bytes.
        engines: names of the engines that ran networks.
        least_memory: the value that run.memory needed for every picture, in bytes; 0: it was
            enough.
        filtered: number of boxes that each key of boxes.keep removed in this run.
        hottest: largest value of the heatmaps of this run, 0..1.
        started: time of the start, in seconds since 1970.
        begun: the same on a monotonic clock, for durations.
    """

    counts: Counter[str] = field(default_factory=Counter)
    boxes: int = 0
    pixels: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    hottest: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    engines: set[str] = field(default_factory=set)
    least_memory: int = 0
    stages: defaultdict[str, Durations] = field(default_factory=lambda: defaultdict(Durations))
    started: float = field(default_factory=time.time)
    begun: float = field(default_factory=time.monotonic)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.counts[outcome.status] += 1
        self.boxes += outcome.boxes
        self.pixels += outcome.pixels
        self.filtered.update(outcome.filtered)
        self.least_memory = max(self.least_memory, outcome.least_memory)
        self.hottest = max(self.hottest, outcome.hottest)
        for stage, seconds in outcome.seconds.items():
            self.stages[stage].add(seconds)
        if outcome.engine:
            self.engines.add(outcome.engine)
        if outcome.worker:
            largest = max(self.memory.get(outcome.worker, 0), outcome.peak_memory)
            self.memory[outcome.worker] = largest

    def summary(self) -> dict[str, object]:
        """Return the measured part of run.json."""
        seconds = max(time.monotonic() - self.begun, 1e-9)  # the clock may jump
        pictures = self.counts.total()
        return {
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "boxes": self.boxes,
            "pixels": self.pixels,
            "largest_heat": round(self.hottest, 4),
            "pictures_per_second": round(pictures / seconds, 3),
            "pixels_per_second": round(self.pixels / seconds),
            "stages": {stage: times.summary() for stage, times in sorted(self.stages.items())},
            "engines": sorted(self.engines),
            "least_run_memory": self.least_memory,
            "peak_memory": dict(sorted(self.memory.items())),
        }


class Summary:
    """Writes run.json: `running` at the start of the block, the result at its end.

    If the end cannot be written, run.json says "running" while nobody holds the lock.

    Args:
        ready: the run.
        options: the options beside its config.
        stop: says whether the run was asked to stop.
        send: called with every file that was written.

    Attributes:
        report: content of run.json.
        left_out: number of pages that could not be exported.
    """

    def __init__(
        self, ready: Ready, options: Options, stop: Stop, send: Callable[[Path], None]
    ) -> None:
        self._ready, self._options, self._stop, self._send = ready, options, stop, send
        self._file = ready.job.desk / RUN_REPORT
        self._tally = Tally()
        self._counts = dict.fromkeys(("found", "ignored", "up_to_date", "given_up"), 0)
        self._todo = self._failed = 0
        self._written = time.monotonic()
        self._cut = {"pictures": 0, "boxes": 0}
        self._versions = versions()  # once: 15 ms of CPU each time
        self.report: dict[str, Any] = {}
        self.left_out = 0

    def __enter__(self) -> Self:
        try:
            self._write({"state": "running", "started": self._tally.summary()["started"]})
        except OutputError:
            with suppress(OSError):  # the old file would be taken for that of this run
                self._file.unlink(missing_ok=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: object
    ) -> None:
        try:
            self._write(self._ending(error))
            if self._options.metrics is not None:
                write_whole(self._options.metrics, metrics(self.report).encode())
        except OutputError:
            if error is None:
                raise

    def begin(self, todo: int) -> None:
        """Write the number of pictures to process into run.json."""
        self._todo = todo
        self._write_progress()

    def add(self, outcome: Outcome) -> None:
        """Count one picture; update run.json from time to time."""
        self._tally.add(outcome)
        if time.monotonic() - self._written > PROGRESS_SECONDS:
            self._write_progress()

    def _write_progress(self) -> None:
        progress = {"state": "running", "todo": self._todo, "counts": self._statuses()}
        self._write(progress | self._tally.summary())

    def _statuses(self) -> dict[str, int]:
        return {name: self._tally.counts[name] for name in ("done", "kept", "failed")}

    def tell_memory(self) -> None:
        """Warn if run.memory was too small for a part of a network."""
        if not self._tally.least_memory:
            return
        least = -(-self._tally.least_memory // 2**20)
        given = self._ready.job.config.run.memory.human_readable()
        log.warning(
            "run.memory: inference took more than %s, as no part of the network takes less; the "
            "least that works for these pictures is %dMiB",
            given,
            least,
        )

    @contextmanager
    def counting(self, state: State) -> Iterator[None]:
        """At the end of the block, count pictures and write failures.jsonl, as far as possible.

        Raises:
            OutputError: the output cannot be written. If the block fails too, only its error is
                raised.
        """
        try:
            yield
        except BaseException:
            with suppress(OutputError, sqlite3.Error):
                self._count(state)
            raise
        self._count(state)

    def _count(self, state: State) -> None:
        if not state.has_begun:
            return  # the plan is not complete
        write_failures(self._ready.job.desk, FAILURES, state.failures())
        self._send(self._ready.job.desk / FAILURES)
        left_alone = state.left_alone()
        self._failed = state.failed_in_this_run()
        self._cut = dict(zip(self._cut, state.cut_in_this_run(), strict=True))
        self._counts = {
            "found": state.count(),
            "ignored": self._ready.pictures.ignored.total(),
            "up_to_date": left_alone.get("done", 0),
            "given_up": left_alone.get("failed", 0),
        }

    def _ending(self, error: BaseException | None) -> dict[str, object]:
        how = "finished" if self._stop.signal is None else "stopped"
        ending: dict[str, object] = {"state": how, "exit_code": int(self._exit_code(error))}
        if error is not None:
            told = {"class": type(error).__name__, "message": str(error)}
            ending |= {"state": "failed", "error": told}
        counts = {
            "counts": {**self._counts, **self._statuses()},
            "ignored": dict(self._ready.pictures.ignored),
            "results_passed_over": sorted(self._ready.pictures.results.found),
            "cut_by_boxes_max": self._cut,
            "filtered": dict(sorted(self._tally.filtered.items())),
        }
        return ending | counts | self._tally.summary()

    def _exit_code(self, error: BaseException | None) -> ExitCode:
        if error is not None:
            return exit_code_of(error)
        if self._stop.signal is not None:
            return ExitCode.of_signal(self._stop.signal)
        if self._options.require_input and not self._counts["found"]:
            return ExitCode.NO_PICTURE
        incomplete = self._failed or self.left_out or self._cut["boxes"]
        return ExitCode.INCOMPLETE if incomplete else ExitCode.DONE

    def _write(self, ending: Mapping[str, object]) -> None:
        job = self._ready.job
        self.report = {
            "schema": RUN_SCHEMA,
            **ending,
            ROOT: str(self._ready.pictures.root),
            "model": job.model if isinstance(job.model, str) else job.model.model_dump(),
            "model_sha256": job.model_sha256,
            "config_sha256": job.config_sha256,
            **({"part": str(job.part)} if job.part else {}),
            "config": job.config.model_dump(),
            "argv": list(self._options.argv),
            "versions": self._versions,
        }
        write_json(job.desk, self._file, self.report)
        settle(job.desk, [self._file])
        self._send(self._file)
        self._written = time.monotonic()


def versions() -> Mapping[str, str | None]:
    """Return the versions of all packages that may change a result or a speed; None: missing."""
    found: dict[str, str | None] = {"locpipe": __version__, "python": platform.python_version()}
    found |= {package: version_of(package) for package in PACKAGES}
    return found | {"platform": platform.platform(), "executable": sys.executable}


def version_of(package: str) -> str | None:
    """Return the version of a package; None: the package or its metadata are missing."""
    try:
        return version(package)
    except (ImportError, OSError, LookupError):
        return None


def one_line(report: Mapping[str, Any]) -> str:
    """Return the last line of a run, for people."""
    counts = report["counts"]
    parts = [
        f"{counts['done']} pictures done",
        f"{counts['failed']} failed",
        f"{counts['kept'] + counts['up_to_date']} were done before",
    ]
    if counts["given_up"]:
        parts.append(f"{counts['given_up']} failed before and were left alone")
    others = sum(number for name, number in counts.items() if name not in ("found", "ignored"))
    if (left := counts["found"] - others) > 0:  # by --limit, --since or a signal
        parts.append(f"{left} left for another run")
    notes = passed_over(report["ignored"], report["results_passed_over"])
    if (cut := report["cut_by_boxes_max"])["boxes"]:
        limit = report["config"]["boxes"]["max"]
        notes.append(
            f"{cut['boxes']} boxes of {cut['pictures']} pictures left out by boxes.max = {limit} (raise it)"
        )
    if report["filtered"]:
        of_keys = ", ".join(f"{count} by {key}" for key, count in report["filtered"].items())
        notes.append(f"boxes.keep turned boxes away: {of_keys}")
    time, where = f"{report['seconds']:.1f} s", report["config"]["output"]["path"]
    if any(counts[status] for status in ("done", "failed", "kept")):
        notes.append(f"{report['boxes']} boxes")
        time += f", {report['pixels_per_second'] / 1e6:.1f} megapixels/s"
    return f"{'; '.join([', '.join(parts), *notes, time])}: {where}"
