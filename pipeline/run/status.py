"""The progress of a run, read from its files."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...stages.clock import lasting
from ...stages.errors import ConfigError
from ..output.archive import read_report
from ..output.lock import is_locked
from ..output.parts import parts_begun
from .merge import summed
from .summary import one_line

_WORST_FIRST: Final = ("running", "failed", "broken off", "stopped", "finished")


def status(output: Path) -> dict[str, Any]:
    """Return the content of run.json of an output.

    For parts that are not merged, it returns their sums; `parts` is the number of begun parts.
    `state` is `running`, `finished`, `stopped` or `failed`, or `broken off` if the run was killed.

    Raises:
        ConfigError: this is no output of a run, or of another version.
        OutputError: the lock cannot be opened.
    """
    if (parts := _of_parts(output)) is not None:
        return parts
    report = read_report(output)
    state = report.get("state", "finished")
    if state == "running" and not is_locked(output):
        # The run may have ended between the two reads.
        report = read_report(output)
        state = report["state"] if report["state"] != "running" else "broken off"
    return report | {"state": state}


def _of_parts(output: Path) -> dict[str, Any] | None:
    """Return the sums of parts that are not merged; None: no part has a run.json."""
    begun = parts_begun(output)
    reports = []
    for part in begun:
        with suppress(ConfigError):  # the part has just begun
            reports.append((part, status(part.desk(output))))
    if not reports:
        return None
    worst = min(
        (report for _, report in reports), key=lambda each: _WORST_FIRST.index(each["state"])
    )
    total = summed([part for part, _ in reports], [report for _, report in reports])
    error = {"error": worst["error"]} if "error" in worst else {}
    return total | {"state": worst["state"], **error, "parts": len(begun), "of": begun[0].of}


def told(report: Mapping[str, Any]) -> str:
    """Return a line about a status, for people."""
    if "of" in report:
        said = _told(report).replace("run it again", "run that part again")
        return (
            f"{report['parts']} of {report['of']} parts begun, none merged (locpipe merge); {said}"
        )
    return _told(report)


def _told(report: Mapping[str, Any]) -> str:
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
