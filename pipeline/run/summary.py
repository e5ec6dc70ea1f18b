"""What a run has to say when it ends: counts, times, memory, and everything needed to repeat it."""

import math
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from ... import __version__
from ..workers.messages import Outcome

__all__ = ["Durations", "Tally", "one_line", "version_of", "versions"]

PACKAGES: Final = ("dask", "distributed", "numpy", "opencv-python", "pillow", "scikit-image", "torch", "torchvision")  # fmt: skip


class Durations:
    """Quantiles of any number of durations in little memory, exact to 1 %."""

    BASE: Final = 1.01

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._buckets[round(math.log(max(seconds, 1e-9), self.BASE))] += 1
        self.total += seconds

    def quantile(self, share: float) -> float:
        """The duration, in seconds, that this share of all does not exceed; 0 when there are none."""
        rank = share * self._buckets.total()
        seen = 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen >= rank:
                return float(self.BASE**bucket)
        return 0.0

    def summary(self) -> dict[str, float]:
        """For run.json, in seconds."""
        named = {"p50": self.quantile(0.5), "p95": self.quantile(0.95), "total": self.total}
        return {name: round(seconds, 6) for name, seconds in named.items()}


@dataclass
class Tally:
    """Counts outcomes as they come in.

    Attributes:
        counts: pictures by status: done, kept, failed.
        boxes: found in this run.
        pixels: of the pictures done in this run.
        memory: largest resident size of each worker, in bytes.
    """

    counts: Counter[str] = field(default_factory=Counter)
    boxes: int = 0
    pixels: int = 0
    memory: dict[str, int] = field(default_factory=dict)
    stages: defaultdict[str, Durations] = field(default_factory=lambda: defaultdict(Durations))
    started: float = field(default_factory=time.time)

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.counts[outcome.status] += 1
        self.boxes += outcome.boxes
        self.pixels += outcome.pixels
        for stage, seconds in outcome.seconds.items():
            self.stages[stage].add(seconds)
        if outcome.worker:
            largest = max(self.memory.get(outcome.worker, 0), outcome.peak_memory)
            self.memory[outcome.worker] = largest

    def summary(self) -> dict[str, object]:
        """The part of run.json that is measured."""
        seconds = max(time.time() - self.started, 1e-9)
        pictures = self.counts.total()
        return {
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "boxes": self.boxes,
            "pixels": self.pixels,
            "pictures_per_second": round(pictures / seconds, 3),
            "pixels_per_second": round(self.pixels / seconds),
            "stages": {stage: times.summary() for stage, times in sorted(self.stages.items())},
            "peak_memory": dict(sorted(self.memory.items())),
        }


def versions() -> Mapping[str, str | None]:
    """Versions of everything that may change a result or a speed; None for what is missing."""
    found: dict[str, str | None] = {"locpipe": __version__, "python": platform.python_version()}
    found |= {package: version_of(package) for package in PACKAGES}
    return found | {"platform": platform.platform(), "executable": sys.executable}


def version_of(package: str) -> str | None:
    """Version of a package; None where it is missing, or its metadata are, as pip may leave them."""
    try:
        return version(package)
    except (ImportError, OSError, LookupError):
        return None


def one_line(report: Mapping[str, Any]) -> str:
    """The last line of a run, for people."""
    counts = report["counts"]
    parts = [
        f"{counts['done']} pictures done",
        f"{counts['failed']} failed",
        f"{counts['kept'] + counts['up_to_date']} were done before",
    ]
    if counts["given_up"]:
        parts.append(f"{counts['given_up']} failed before and were left alone")
    speed = f"{report['pixels_per_second'] / 1e6:.1f} megapixels/s"
    where = report["config"]["output"]["path"]
    return (
        f"{', '.join(parts)}; {report['boxes']} boxes; {report['seconds']:.1f} s, {speed}: {where}"
    )
