"""The root that names of results are relative to. An output has one root for all its runs."""

import glob
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...stages.errors import ConfigError
from ..sources.manifests import MANIFESTS, lines_of
from ..sources.pictures import EXTENSIONS, is_manifest, open_source, root_of
from ..sources.results import RUN_REPORT
from ..storage.objects import bytes_at, holds_files
from ..storage.urls import located
from .layout import SHARDS, result_path
from .parts import parts_begun

ROOT: Final = "root"
"""Key of the root in run.json."""


def choose_root(output: Path, source: Path, given: Path | None) -> Path:
    """Return the absolute root for a source and an output; `given` is input.root."""
    if given is not None:
        return given.absolute()
    report = _read_report(output)
    if ROOT not in report and is_manifest(source):
        return _of_older(output, report) or root_of(source)  # as in earlier runs
    return root_of(source)


def remembered_root(output: Path) -> Path | None:
    """Return the root of the results in an output; None: it is unknown."""
    report = _read_report(output)
    if ROOT not in report:
        report = next((found for part in parts_begun(output) if ROOT in (found := _read_report(part.desk(output)))), report)  # fmt: skip
    root = report.get(ROOT)
    return located(root) if isinstance(root, str) else _of_older(output, report)


def root_of_moved(output: Path, source: Path) -> Path:
    """Return the root of the results at the new place of the pictures.

    Raises:
        ConfigError: the new place does not exist, or has other pictures.
    """
    if is_manifest(source):
        return _of_list(output, source) or root_of(source)
    return open_source(source, output).root


def check_root(output: Path, root: Path, source: Path) -> None:
    """Check that existing results have names relative to the same root.

    Raises:
        ConfigError: they have another root, so results of other pictures could be overwritten.
    """
    before = remembered_root(output)
    if before is None or _is_same(before, root) or not _has_results(output):
        return
    start = root_of(source)
    within = start == before or before in start.parents
    msg = (
        f"output.path: names of results in {output} are relative to {before}, but those of this input "
        f"would be relative to {root}; "
        f"{f'set input.root={before}, or ' if within else ''}choose another output.path; "
        f"if the pictures were moved from there to here, remove {output / RUN_REPORT}"
    )
    raise ConfigError(msg)


def _read_report(output: Path) -> Mapping[str, Any]:
    try:
        report = json.loads(bytes_at(output / RUN_REPORT))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _is_same(one: Path, other: Path) -> bool:
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def _has_results(output: Path) -> bool:
    return any(holds_files(output / kind) for kind in ("boxes", SHARDS))


def _of_older(output: Path, report: Mapping[str, Any]) -> Path | None:
    """Return the root of a run by an old version, which did not write it."""
    try:
        source = Path(report["config"]["input"]["path"])
    except (KeyError, TypeError):
        return None
    if is_manifest(source):
        return _of_list(output, source)
    if os.path.lexists(source) or glob.has_magic(str(source)):
        return root_of(source)
    # The source is gone, so its kind is unknown.
    name = source.suffix.lower()
    return None if name in MANIFESTS else source.parent if name in EXTENSIONS else source


def _of_list(output: Path, manifest: Path) -> Path | None:
    """Find the root from a picture of a list that has a result."""
    for path in (line.path for line in lines_of(manifest)):
        for root in Path(path).parents:
            if result_path(output, "boxes", path.removeprefix(f"{root}/"), 1).is_file():
                return root
    return None
