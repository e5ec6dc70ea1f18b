"""Reads a finished run: its pages with their boxes, and the places of its pictures."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from ...stages.errors import ConfigError, ImageError
from ...stages.load import Image, load
from ...stages.paths import sha256_of
from ...stages.settings import BoxesSettings, DecodingSettings, Direction
from ..sources.members import exists, file_of, is_copy
from ..sources.results import RUN_REPORT, STATE_FOLDER
from ..storage.objects import is_file_at
from ..storage.urls import RemotePath
from .box_json import Page, read_object, read_page
from .failures import FAILURES, Failure, read_failures
from .layout import RUN_SCHEMA, result_path
from .lock import locked
from .parts import refuse_parts
from .root import remembered_root, root_of_moved
from .shards import has_shards, shard_pages

_SIGNALS: Final = 128
"""The exit code of a stopped run is this plus the number of the signal."""


@dataclass(frozen=True)
class FinishedRun:
    """The output of a finished run.

    `decoding` says how the pictures were decoded. Names are relative to `root`. `failures` are the
    pictures and pages without a result, with the reasons. Files of the keys in `left_out` are
    skipped. `direction` is the setting `boxes.direction` of the run.
    """

    folder: Path
    decoding: DecodingSettings
    failures: tuple[Failure, ...]
    root: Path
    left_out: frozenset[str] = frozenset()
    direction: Direction = "auto"

    def pages(self) -> Iterator[Page]:
        """Yield every page with a result, sorted by name and page; shards follow each other.

        Raises:
            ConfigError: a box JSON is damaged, of another version, or not in its place.
        """
        if has_shards(self.folder):
            yield from (page for page in shard_pages(self.folder) if page.key not in self.left_out)
            return
        for file in _box_files(self.folder / "boxes"):
            page = read_page(file)
            # A key decides where exports go, so a forged key must not lead out of their folder.
            if file != result_path(self.folder, "boxes", page.key, page.page):
                msg = f"{file}: is about another picture, {page.name!r}; remove it, or run again"
                raise ConfigError(msg)
            if page.key not in self.left_out:
                yield page

    def picture(self, page: Page) -> Path:
        """Return the path of the picture of a page, after a check that it has not changed.

        For a member of a tar, it is the path of a copy, which exists until the next call.

        Raises:
            ImageError: the picture was moved, removed or changed since the run.
        """
        path = self.root / page.key
        if not exists(path):
            msg = (
                f"{page.key!r}: is no longer at {path}; put it back, or say with --input where the "
                "pictures lie now"
            )
            raise ImageError(msg)
        file = file_of(path)
        if (sha256_of(file) if is_copy(file) else self._sha256_of_last(path)) != page.sha256:
            msg = f"{page.key!r}: was changed since the run ({path}); run again to find its boxes"
            raise ImageError(msg)
        return file

    def decoded(self, page: Page, path: Path) -> Image:
        """Decode the picture of a page as the run did; `path` is the result of `picture`.

        Raises:
            ImageError: the picture cannot be decoded.
        """
        background, limit = self.decoding.background, self.decoding.max_megapixels
        return load(path, page=page.page, background=background, max_megapixels=limit)

    @cached_property
    def _sha256_of_last(self) -> Callable[[Path], str]:
        # Pages of one file follow each other.
        return lru_cache(maxsize=1)(sha256_of)


def open_run(
    folder: Path,
    pictures: Path | None = None,
    *,
    incomplete: bool = False,
    as_it_is: bool = False,
) -> FinishedRun:
    """Open the output of a run.

    Args:
        folder: the output of the run.
        pictures: the new place of the pictures, if they were moved.
        incomplete: also accept files of which another page failed.
        as_it_is: also accept a run that is not finished, or whose pictures are gone.

    Raises:
        ConfigError: the folder is no run, or of another version; or the run was stopped or failed;
            or its pictures are gone.
        LockedError: the run is still working.
    """
    report = read_report(folder)
    if not as_it_is:
        refuse_parts(folder)
        _check_finished(folder, report)
    try:
        given = report["config"]["input"]
        decoding = DecodingSettings(**{key: given[key] for key in DecodingSettings.model_fields})
        told = dict(report["config"].get("boxes", {})).get("direction", "auto")  # 0.1.0 says none
        direction = BoxesSettings(direction=told).direction
        begun = not as_it_is or (folder / FAILURES).exists()
        failures = tuple(read_failures(folder / FAILURES)) if begun else ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        msg = f"{folder}: run.json or failures.jsonl is damaged ({error!r}); run again to mend them"
        raise ConfigError(msg) from error
    try:
        root = remembered_root(folder) if pictures is None else root_of_moved(folder, pictures)
    except ConfigError as error:
        msg = f"{folder}: its pictures: {error}; say with --input where they lie now"
        raise ConfigError(msg) from error
    if as_it_is:
        root = root or folder / "pictures that lie nobody knows where"
    if isinstance(root, RemotePath) and not as_it_is:
        msg = (
            f"{folder}: its pictures lie at {root}; copy them to a disk, and say with --input where"
        )
        raise ConfigError(msg)
    if root is None or not (as_it_is or pictures is not None or root.is_dir()):
        gone = root or "their folder"
        msg = f"{folder}: its pictures: {gone} does not exist; say with --input where they lie now"
        raise ConfigError(msg)
    left_out = frozenset(() if incomplete else (failure.path for failure in failures))
    return FinishedRun(folder, decoding, failures, root, left_out, direction)


def read_report(folder: Path) -> dict[str, Any]:
    """Return the content of run.json.

    Raises:
        ConfigError: the file is missing, damaged or of another version.
        LockedError: the file is missing, and a run is working.
    """
    if not is_file_at(folder / RUN_REPORT):
        if (folder / STATE_FOLDER).is_dir() or (folder / "boxes").is_dir():
            raise _unfinished(folder)
        msg = f"{folder}: is not the output of a run (no run.json); give a folder `locpipe run` wrote to"
        raise ConfigError(msg)
    report = read_object(folder / RUN_REPORT)
    if report.get("schema") != RUN_SCHEMA:
        msg = (
            f"{folder / RUN_REPORT}: is {report.get('schema')!r}, this locpipe reads "
            f"{RUN_SCHEMA!r}; run again with this version into a new output"
        )
        raise ConfigError(msg)
    return report


def _check_finished(folder: Path, report: Mapping[str, Any]) -> None:
    """Check in run.json that a run was finished; version 0.1.0 wrote no state."""
    state = report.get("state", "finished")
    if state == "failed":
        error = report.get("error")
        told = ": ".join(map(str, error.values())) if isinstance(error, dict) else f"{error}"
        msg = f"{folder}: this run failed ({told}); run it again to its end first"
        raise ConfigError(msg)
    if state in ("running", "stopped") or int(report.get("exit_code") or 0) >= _SIGNALS:
        raise _unfinished(folder)


def _unfinished(folder: Path) -> ConfigError:
    refuse_parts(folder)
    if (folder / STATE_FOLDER).is_dir():
        with locked(folder):  # raises LockedError if the run is still at work
            pass
    return ConfigError(f"{folder}: this run was stopped; run it again to its end first")


_NAME = re.compile(r"(?P<key>.*?)(\.page-(?P<page>\d+))?\.json", re.DOTALL)


def _box_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted((name for name in files if name.endswith(".json")), key=_by_page):
            yield Path(parent, name)


def _by_page(name: str) -> tuple[str, int]:
    found = _NAME.fullmatch(name)
    assert found is not None
    return found["key"], int(found["page"] or 1)
