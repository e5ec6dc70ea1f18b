"""The folders and names of results."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ...stages.errors import ConfigError
from ..config.sections import OutputConfig
from ..sources.results import STATE_FOLDER
from ..storage.objects import holds_files
from .atomic import (
    check_inside,
    output_errors,
    settle,
    temporary_folder,
    too_long_names,
    write_atomically,
)

SHARDS: Final = "shards"
"""Folder of results in Parquet (`output/shards.py`)."""
RUN_SCHEMA: Final = "locpipe/run/1"
"""Schema of run.json."""

KINDS: Final = {"boxes": ".json", "masks": ".png", "overlays": ".jpg", "heatmaps": ".png"}
"""Folders of the results and what they add to the name of the picture."""


def without_picture(kind: str) -> str:
    """Return the remedy if memory lacks for a kind of picture: masks, overlays or heatmaps."""
    return f"for its picture in {kind}/: set output.{kind}=false, or raise run.memory_limit"


def result_path(output: Path, kind: str, key: str, page: int) -> Path:
    """Return the file of a result: `boxes/<key>.json`, from page 2 on `boxes/<key>.page-2.json`."""
    return output / kind / f"{page_name(key, page)}{KINDS[kind]}"


def page_name(key: str, page: int) -> str:
    """Return the name of a page's results: the key, and from page 2 on the page."""
    return key if page == 1 else f"{key}.page-{page}"


def key_of(name: str) -> str:
    """Return the key of the picture of a page name; a name without page is unchanged."""
    return re.sub(r"\.page-\d+\Z", "", name)


def wanted(output: OutputConfig, key: str, page: int) -> Iterator[Path]:
    """Yield the files that belong to one page."""
    for kind in _kinds(output):
        yield result_path(output.path, kind, key, page)


def results_of(output: OutputConfig, key: str, pages: int) -> Iterator[Path]:
    """Yield the files of all pages of a picture; none if results lie in shards."""
    for page in range(1, pages + 1 if output.layout == "files" else 1):
        yield from wanted(output, key, page)


def _kinds(output: OutputConfig) -> Iterator[str]:
    return (kind for kind in KINDS if kind == "boxes" or getattr(output, kind))


def prepare_output(output: Path) -> None:
    """Make the output folder, so that it can be locked.

    Raises:
        OutputError: it cannot be written.
    """
    check_inside(output, temporary_folder(output))
    with output_errors(output):
        there = next(folder for folder in output.absolute().parents if folder.is_dir())
        temporary_folder(output).mkdir(parents=True, exist_ok=True)
        settle(there, [temporary_folder(output.absolute())])


def prepare_folders(output: OutputConfig) -> None:
    """Make the folders of all kinds of results that are asked for.

    Raises:
        OutputError: a folder cannot be made, or its name belongs to another file.
    """
    for kind in _kinds(output) if output.layout == "files" else (SHARDS,):
        check_inside(output.path, output.path / kind)
        with output_errors(output.path / kind):
            (output.path / kind).mkdir(exist_ok=True)


def check_layout(output: OutputConfig) -> None:
    """Check that existing results have the layout of this run.

    Raises:
        ConfigError: they have the other layout.
    """
    there = "shards" if output.layout == "files" else "boxes"
    if holds_files(output.path / there):
        other = "files" if output.layout == "shards" else "shards"
        msg = (
            f"output.layout: {output.path} has results as {other}; set output.layout={other}, or choose "
            "another output.path"
        )
        raise ConfigError(msg)


def sweep(output: Path) -> None:
    """Remove the unfinished files of a killed run, and check that the folder can be written.

    Only for the holder of the lock: another run may be using these files.

    Raises:
        OutputError: it cannot be written.
    """
    with output_errors(output):
        for file in temporary_folder(output).iterdir():
            file.unlink(missing_ok=True)
        write_atomically(output, output / STATE_FOLDER / "writable", b"")
        (output / STATE_FOLDER / "writable").unlink()


def all_there(output: OutputConfig, key: str, page: int) -> bool:
    """Say whether every file that belongs to a page exists.

    Raises:
        ImageError: the name of a file that belongs to the page would be too long.
    """
    for path in wanted(output, key, page):
        with too_long_names(path):
            if not path.is_file():
                return False
    return True


def remove_page(output: Path, key: str, page: int) -> bool:
    """Remove every result of a page; say whether there was any.

    The JSON goes first: if it is there, the others must be.
    """
    return remove_durably(output, (result_path(output, kind, key, page) for kind in KINDS))


def remove_durably(output: Path, files: Iterable[Path]) -> bool:
    """Remove files that exist; say whether there were any.

    Removal is durable: after a loss of power, an old file could come back and be taken for a new
    one.

    Raises:
        OutputError: a file lies outside of the output, or behind a link.
    """
    removed = []
    for file in files:
        if not os.path.lexists(file):  # the usual case: a page has few of its possible files
            continue
        check_inside(output, file.parent)
        with suppress(OSError):  # a folder has the name
            file.unlink()
            removed.append(file)
    settle(output, removed)
    return bool(removed)
