"""How far a run is, told from outside by what it writes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...stages.clock import lasting
from ..output.archive import read_report
from ..output.lock import is_locked
from .summary import one_line


def status(output: Path) -> dict[str, Any]:
    """Return what run.json of an output says.

    Its `state` is `running`, `finished`, `stopped` or `failed`; or `broken off`, where the run was killed.

    Raises:
        ConfigError: this is no output of a run, or of another version.
        OutputError: the lock cannot be opened.
    """
    report = read_report(output)
    state = report.get("state", "finished")
    if state == "running" and not is_locked(output):
        # It may have ended between the two looks.
        report = read_report(output)
        state = report["state"] if report["state"] != "running" else "broken off"
    return report | {"state": state}


def told(report: Mapping[str, Any]) -> str:
    """Return a line about a status, for people."""
    state = report["state"]
    if state == "failed":
        error = report["error"]
        return f"failed: {error['class']}: {error['message']}"
    if state in ("finished", "stopped"):
        advice = "; run it again to go on" if state == "stopped" else ""
        return f"{state}: {one_line(report)}{advice}"
    return _progress(report)


def _progress(report: Mapping[str, Any]) -> str:
    if "todo" not in report:
        return "running: looks for pictures" if report["state"] == "running" else "broken off: before the first picture; run it again"  # fmt: skip
    todo, counts = report["todo"], report["counts"]
    done = sum(counts.values())
    far = f"{done} of {todo} pictures ({100 * done // max(1, todo)} %), {counts['failed']} failed"
    if report["state"] != "running":
        return f"broken off: after {far}; run it again to go on"
    left = (todo - done) * report["seconds"] / done if done else None
    times = f"{report['pictures_per_second']:g} pictures/s"
    return f"running: {far}, {times}{'' if left is None else f', {lasting(left)} left'}"
