"""Boxes and labels of objects from CSV and from Pascal VOC's XML."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

import numpy as np

from ....stages.errors import ConfigError
from ...sources.pictures import EXTENSIONS

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels, half-open."""

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Thing:
    """An object on a picture: its `label` (empty if unknown) and its `box` (None if unknown)."""

    label: str
    box: Box | None


def stem_of(name: str) -> str:
    """Return the name that a picture, its masks and annotations share: without its suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in EXTENSIONS else path.name


def read_csv(file: Path) -> dict[str, list[Thing]]:
    """Read a table with a heading: `image`, and `xmin, ymin, xmax, ymax` or `label` or both.

    There is one object per line, and several lines per picture. Ends are exclusive. Other columns
    are ignored. A line without corners and label is a picture with nothing on it.

    Returns:
        The objects by the stem of their picture, in the order of the file.

    Raises:
        ConfigError: The file cannot be read, or a line is malformed.
    """
    things: dict[str, list[Thing]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream, restval="")
            _check_heading(file, table.fieldnames or [])
            for row in table:
                where = f"{file}, line {table.line_num}"
                things.setdefault(stem_of(row["image"]), []).extend(_things(row, where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{file}: cannot read ground truth ({error}); it must be UTF-8 CSV"
        raise ConfigError(message) from error
    return things


def read_voc(file: Path) -> list[Thing]:
    """Read one file of Pascal VOC: `object` with `name` and `bndbox`, pixels counted from 1.

    Raises:
        ConfigError: The file cannot be read, is no XML, or an object is malformed.
    """
    try:
        root = ET.fromstring(file.read_bytes())  # noqa: S314 - expat limits what entities expand to
    except (OSError, LookupError, ValueError) as error:  # the latter two: encodings expat lacks
        message = f"{file}: cannot read ground truth ({error}); it must be Pascal VOC XML in UTF-8"
        raise ConfigError(message) from error
    except ET.ParseError as error:
        line, column = error.position
        message = f"{file}, line {line}, column {column + 1}: not XML ({error}); mend it there"
        raise ConfigError(message) from error
    return [
        _voc_object(one, f"{file}, object {number}")
        for number, one in enumerate(root.iter("object"), start=1)
    ]


def _voc_object(one: ET.Element, where: str) -> Thing:
    texts = {corner: one.findtext(f"bndbox/{corner}", "").strip() for corner in _CORNERS}
    left, top, right, bottom = _box(texts, where, first=1)
    return Thing(one.findtext("name", "").strip(), (left - 1, top - 1, right, bottom))


def _check_heading(file: Path, names: Sequence[str]) -> None:
    if "image" in names and ("label" in names or set(_CORNERS) <= set(names)):
        return
    message = (
        f"{file}, line 1: expected a heading with image and xmin,ymin,xmax,ymax or label, "
        f"found {','.join(names)!r}; mend this line"
    )
    raise ConfigError(message)


def _things(row: Mapping[str, str], where: str) -> list[Thing]:
    texts = {corner: (row.get(corner) or "").strip() for corner in _CORNERS}
    label = (row.get("label") or "").strip()
    if not row["image"].strip():
        message = f"{where}: the column image is empty; write the name of the picture"
        raise ConfigError(message)
    if any(texts.values()):
        return [Thing(label, _box(texts, where, first=0))]
    return [Thing(label, None)] if label else []


def _box(texts: Mapping[str, str], where: str, first: int) -> Box:
    """Return a box as written. Pixels count from `first`; if that is 1, ends are inclusive."""
    try:
        left, top, right, bottom = (float(texts[corner]) for corner in _CORNERS)
        sound = bool(np.isfinite([left, top, right, bottom]).all())
    except ValueError:
        sound = False
    if not sound or right - left + first <= 0 or bottom - top + first <= 0:
        found = ",".join(texts[corner] for corner in _CORNERS)
        message = (
            f"{where}: expected xmin,ymin,xmax,ymax with xmin < xmax, ymin < ymax, found {found!r}; "
            "mend this line"
        )
        raise ConfigError(message)
    return left, top, right, bottom
