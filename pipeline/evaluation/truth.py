"""Reading ground truth: one text file per picture, one region per line.

    x1,y1,x2,y2,x3,y3,x4,y4,transcription

UTF-8, with or without byte order mark. The transcription may hold commas; `###` marks a region that
is neither a hit nor a false alarm.
"""

from pathlib import Path

import numpy as np

from ...stages.errors import ConfigError
from .overlaps import Region

_IGNORED = "###"


def truth_files(folder: Path) -> dict[str, Path]:
    """Find the ground truth in a folder, or in its folder `gt`: files by the stem of their picture.

    Raises:
        ConfigError: There are none.
    """
    inner = folder / "gt"
    source = inner if inner.is_dir() else folder
    files = {file.stem: file for file in source.glob("*.txt")}
    if not files:
        message = f"{source}: no ground truth (<name of the picture>.txt) here; give its folder"
        raise ConfigError(message)
    return files


def read_truth(file: Path) -> tuple[Region, ...]:
    """Read the regions of one picture; an empty file is a picture without text.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8, or a line is malformed.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: cannot read ground truth ({error}); it must be readable UTF-8 text"
        raise ConfigError(message) from error
    # Not splitlines(): it also splits at U+2028 and others, which a transcription may hold.
    lines = enumerate(text.split("\n"), start=1)
    return tuple(_region(line, f"{file}, line {number}") for number, line in lines if line.strip())


def _region(line: str, where: str) -> Region:
    *coordinates, transcription = line.split(",", maxsplit=8)
    try:
        polygon = np.array(coordinates, dtype=np.float64).reshape(4, 2)
    except ValueError:
        polygon = np.full((4, 2), np.nan)
    if not np.isfinite(polygon).all():
        message = (
            f"{where}: expected x1,y1,x2,y2,x3,y3,x4,y4,transcription, found {line.strip()!r}; "
            "mend this line"
        )
        raise ConfigError(message)
    return Region(polygon, ignored=transcription.strip() == _IGNORED)
