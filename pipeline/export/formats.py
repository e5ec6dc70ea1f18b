"""The formats by name. The module of a format is imported on demand."""

import importlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..config.exports import EXPORTS
from ..output.atomic import check_inside, settle
from ..output.layout import remove_durably
from .format import Format

FOLDER: Final = "exports"
"""Below the output of a run; `exports/<format>/` belongs to locpipe, which empties it."""


def format_named(name: str) -> Format:
    """Import the module of a format, export/to/<name>.py, and return its FORMAT."""
    module = importlib.import_module(f".to.{name}", __package__)  # late: a run needs few formats
    found = module.FORMAT
    assert isinstance(found, Format)
    return found


def remove(output: Path, key: str, name: str, formats: Iterable[str] | None = None) -> None:
    """Remove the exports of a page from the output of a run; `key` is that of the picture.

    `formats` are the names of the formats; None: all of them.
    """
    if not (output / FOLDER).is_dir():  # one question for all formats
        return
    for each in EXPORTS if formats is None else formats:
        folder = output / FOLDER / each
        if not folder.is_dir():
            continue
        format_ = format_named(each)
        if format_.in_folders:
            check_inside(output, (folder / name).parent)
            with suppress(OSError):  # not there, or a name that never could be
                shutil.rmtree(folder / name)
                settle(output, [folder / name])
            continue
        remove_durably(output, (folder / file for file in format_.names(key, name)))
