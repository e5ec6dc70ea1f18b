"""`locpipe merge`: the parts of a run become one run."""

import heapq
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...stages.errors import ConfigError, ExitCode
from ..config.sections import Config
from ..output.atomic import output_errors, settle, write_json
from ..output.box_json import read_object
from ..output.failures import FAILURES, read_failures, write_failures
from ..output.layout import prepare_output, sweep
from ..output.lock import locked
from ..output.parts import PARTS, InputPart, parts_begun
from ..output.shards import has_shards
from ..sources.results import RUN_REPORT, STATE_FOLDER
from .branches import join
from .shard_keeper import keeper_of
from .state import State

if TYPE_CHECKING:
    from ..picture.process import Exporter

_SAME: Final = ("config_sha256", "model_sha256", "root", "config")
_MERGED: Final = "merged"


def merge(output: Path, exports: Callable[[Config], "Exporter"]) -> dict[str, Any]:
    """Merge the parts of an output; return the content of the merged run.json.

    A merge that is killed can be repeated.

    Raises:
        ConfigError: there are no parts; or a part is missing, not finished, or of another config.
        LockedError: a part or another run is at work.
        OutputError: the output cannot be written.
    """
    with ExitStack() as locks:
        if not (output / STATE_FOLDER).is_dir():
            msg = f"{output}: has no parts; give the output of runs with --part"
            raise ConfigError(msg)
        locks.enter_context(locked(output))
        prepare_output(output)
        sweep(output)
        _remove_merged(output)
        parts = _all_parts(output)
        for part in parts:
            locks.enter_context(locked(part.desk(output)))
        reports = [_finished(output, part) for part in parts]
        _check_same(output, parts, reports)
        for part in parts:
            join(output, part)
        if has_shards(output):
            with State(output, keeper=keeper_of(output, reports[0])) as state:
                state.tidy()
        desks = [part.desk(output) for part in parts]
        lists = (read_failures(desk / FAILURES) for desk in desks)
        write_failures(output, FAILURES, heapq.merge(*lists, key=attrgetter("path")))
        report = summed(parts, reports)
        left_out = _export(output, report, exports)
        if left_out and report["exit_code"] == ExitCode.DONE:
            report["exit_code"] = int(ExitCode.INCOMPLETE)
        write_json(output, output / RUN_REPORT, report)
        settle(output, [output / RUN_REPORT, output / FAILURES])
        with output_errors(output):
            (output / STATE_FOLDER / PARTS).rename(output / STATE_FOLDER / _MERGED)
    _remove_merged(output)
    return report


def _remove_merged(output: Path) -> None:
    shutil.rmtree(output / STATE_FOLDER / _MERGED, ignore_errors=True)


def _all_parts(output: Path) -> list[InputPart]:
    begun = parts_begun(output)
    if not begun:
        msg = f"{output}: has no parts that are not merged; run some with --part first"
        raise ConfigError(msg)
    of = begun[0].of
    missing = [
        part for part in (InputPart(of, n) for n in range(1, of + 1)) if part not in set(begun)
    ]
    if missing:
        some = ", ".join(map(str, missing[:5])) + ", …" * (len(missing) > 5)
        msg = f"{output}: {len(missing)} parts were never run; run them first (--part {some})"
        raise ConfigError(msg)
    return begun


def _finished(output: Path, part: InputPart) -> dict[str, Any]:
    file = part.desk(output) / RUN_REPORT
    report = read_object(file) if file.is_file() else {"state": "begun"}
    if report["state"] != "finished":
        msg = f"--part {part} of {output} is {report['state']}; run it again to its end first"
        raise ConfigError(msg)
    return report


def _check_same(
    output: Path, parts: Sequence[InputPart], reports: Sequence[Mapping[str, Any]]
) -> None:
    for name in _SAME:
        for part, report in zip(parts, reports, strict=True):
            if _decisive(report[name]) != _decisive(reports[0][name]):
                msg = (
                    f"{output}: {name} of --part {part} is not that of --part {parts[0]}; run one of "
                    "them again with the config and input of the other"
                )
                raise ConfigError(msg)


def _decisive(value: object) -> object:
    """Return the settings that must be equal in all parts; those of distribution may differ."""
    return {**value, "run": None} if isinstance(value, dict) else value


def summed(parts: Sequence[InputPart], reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the run.json of parts as if they were one run, also while they are working.

    Pictures, boxes and times are summed. Skipped files are not, as every part sees all of them.
    `seconds`, p50 and p95 are those of the slowest part.
    """
    seconds = max(report.get("seconds", 0.0) for report in reports)
    total: dict[str, Any] = {**reports[0], "seconds": seconds, "parts": len(parts)}
    del total["part"]
    for name in ("boxes", "pixels", "todo"):
        if any(name in report for report in reports):
            total[name] = sum(report.get(name, 0) for report in reports)
    counts = _sum(report.get("counts", {}) for report in reports)
    if "ignored" in counts:
        counts["ignored"] = reports[0]["counts"]["ignored"]
    work = sum(counts.get(name, 0) for name in ("done", "kept", "failed"))
    total |= {
        "counts": counts,
        "started": min(report["started"] for report in reports),
        "cut_by_boxes_max": _sum(report.get("cut_by_boxes_max", {}) for report in reports),
        "filtered": dict(sorted(_sum(report.get("filtered", {}) for report in reports).items())),
        "largest_heat": max(report.get("largest_heat", 0.0) for report in reports),
        "least_run_memory": max(report.get("least_run_memory", 0) for report in reports),
        "pictures_per_second": round(work / max(seconds, 1e-9), 3),
        "pixels_per_second": round(total.get("pixels", 0) / max(seconds, 1e-9)),
        "engines": sorted({name for report in reports for name in report.get("engines", ())}),
        "peak_memory": {
            f"part {part} {worker}": memory
            for part, report in zip(parts, reports, strict=True)
            for worker, memory in report.get("peak_memory", {}).items()
        },
        "stages": _stages(reports),
        "exit_code": _exit_code([report.get("exit_code", 0) for report in reports]),
    }
    return total


def _sum(of_parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for counts in of_parts:
        total.update(counts)
    return dict(total)


def _stages(reports: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    names = sorted({name for report in reports for name in report.get("stages", {})})
    found = {}
    for name in names:
        times = [report["stages"][name] for report in reports if name in report.get("stages", {})]
        slowest = {share: max(each[share] for each in times) for share in ("p50", "p95")}
        found[name] = {**slowest, "total": round(sum(each["total"] for each in times), 6)}
    return found


def _exit_code(codes: Sequence[int]) -> int:
    """Return the exit code of the whole run; parts without a picture count only if all are so."""
    if all(code == ExitCode.NO_PICTURE for code in codes):
        return int(ExitCode.NO_PICTURE)
    return int(ExitCode.INCOMPLETE if ExitCode.INCOMPLETE in codes else ExitCode.DONE)


def _export(
    output: Path, report: Mapping[str, Any], exports: Callable[[Config], "Exporter"]
) -> int:
    """Write the files about all pages, which a part cannot write."""
    if not report["config"]["output"]["exports"]:
        return 0
    failed = frozenset(failure.path for failure in read_failures(output / FAILURES))
    return exports(Config.model_validate(report["config"])).finish(failed)
