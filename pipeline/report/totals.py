"""The totals of a report."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from ...stages.version import __version__
from ..output.archive import FinishedRun
from ..output.box_json import Page, boxes_dropped
from ..sources.pictures import passed_over
from .entries import Entry, percent

_MOST_FOLDERS: Final = 500  # folders to choose from; the search finds all


@dataclass
class Totals:
    """Counts entries."""

    counts: Counter[str] = field(default_factory=Counter)
    scores: Counter[int] = field(default_factory=Counter)
    sides: Counter[int] = field(default_factory=Counter)
    folders: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    has: set[str] = field(default_factory=set)

    def add(self, entry: Entry, page: Page | None) -> None:
        """Count an entry; `page` is None for a failure."""
        self.folders[str(PurePosixPath(entry.details["path"]).parent)] += 1
        self.counts["entries"] += 1
        if page is None:
            self.failures[entry.listed["failure"]] += 1
            return
        self.counts["pages"] += 1
        self.counts["boxes"] += len(page.boxes)
        self.counts["empty"] += not page.boxes
        self.counts["missing"] += "missing" in entry.listed
        self.counts["cut"] += boxes_dropped(page)
        for box in page.boxes:
            self.scores[percent(box.score)] += 1
            left, top, right, bottom = box.rect
            self.sides[max(0, min(right - left, bottom - top).bit_length() - 1)] += 1
        self.has |= entry.details.keys() & {"mask", "heatmap", "blocks", "texts", "labels"}

    def document(self, run: FinishedRun, report: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data shown above the pictures; `report` is run.json."""
        folder = os.path.abspath(run.folder)  # noqa: PTH100 - resolve() would follow links
        known = f"{folder} {report.get('config_sha256')}"
        return {
            "title": os.path.basename(folder),  # noqa: PTH119 - the same
            "id": hashlib.sha256(os.fsencode(known)).hexdigest()[:16],
            "made": datetime.now(UTC).isoformat(timespec="minutes"),
            "version": __version__,
            "state": report.get("state", "finished"),
            "counts": {"failed": self.failures.total(), **self.counts},
            "facts": _facts(report),
            "stages": {name: times["p50"] for name, times in report.get("stages", {}).items()},
            "scores": [self.scores[number] for number in range(101)],
            "sides": [self.sides[number] for number in range(max(self.sides, default=-1) + 1)],
            "folders": sorted(self.folders.most_common(_MOST_FOLDERS)),
            "failures": self.failures.most_common(),
            "left_out": self._left_out(report),
            "has": sorted(self.has),
        }

    def _left_out(self, report: Mapping[str, Any]) -> list[str]:
        told = passed_over(report.get("ignored", {}), report.get("results_passed_over", ()))
        if cut := self.counts["cut"]:
            told.append(f"{cut} boxes left out by boxes.max (raise it to see them)")
        if missing := self.counts["missing"]:
            told.append(f"{missing} pictures are no longer where they were, or have changed")
        if report.get("state", "finished") != "finished":
            told.append("the run has not come to its end: run it again to see the rest")
        return told


def _facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return facts about the last run: times, versions and settings."""
    model = report.get("model")
    name = model.get("backbone") if isinstance(model, Mapping) else model
    known = {
        "Model": name,
        "Engine": ", ".join(report.get("engines", ())),
        "Started": str(report.get("started", "")).replace("T", " ").removesuffix("+00:00"),
        "Time": _time(report.get("seconds")),
        "Speed": _speed(report),
    }
    return [(key, str(value)) for key, value in known.items() if value]


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _speed(report: Mapping[str, Any]) -> str:
    pixels = report.get("pixels_per_second")
    if not pixels:
        return ""
    return f"{report['pictures_per_second']:.2g} pictures/s, {pixels / 1e6:.2g} megapixels/s"
