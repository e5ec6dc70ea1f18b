"""Reading the box JSON that a run has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from ...stages.errors import ConfigError
from ..output.box_json import SCHEMA

if TYPE_CHECKING:
    from .overlaps import Polygon

__all__ = ["Detection", "Result", "read_result", "read_run"]


@dataclass(frozen=True)
class Detection:
    """One box: its polygon in the upright frame, the index of its text line, what it is."""

    polygon: Polygon
    line: int
    label: str = ""
    score: float = 0.0


@dataclass(frozen=True)
class Result:
    """The boxes of one picture.

    Attributes:
        file: Where they were read.
        stem: Name that its ground truth goes by: the picture's name without folder and extension;
            pages after the first end in `.page-2` and so on.
        size: Width and height of the upright picture in pixels.
        stored_size: Width and height of the stored pixel grid.
        orientation: EXIF orientation, 1..8.
        detections: In the order of the file.
        labels: What was looked for.
    """

    file: Path
    stem: str
    size: tuple[int, int]
    stored_size: tuple[int, int]
    orientation: int
    detections: tuple[Detection, ...]
    labels: tuple[str, ...]


def read_run(run: Path) -> dict[str, Result]:
    """Read all box files of a run's output folder.

    Returns:
        The results by stem, sorted by path.

    Raises:
        ConfigError: There are none, one is damaged, or two pictures share a stem.
    """
    results: dict[str, Result] = {}
    for file in sorted((run / "boxes").rglob("*.json")):
        result = read_result(file)
        if result.stem in results:
            message = (
                f"{file} and {results[result.stem].file} belong to pictures of the same name, and "
                f"ground truth goes by name; evaluate their folders one by one"
            )
            raise ConfigError(message)
        results[result.stem] = result
    if not results:
        message = f"{run / 'boxes'}: no box files here; give the output folder of `locpipe run`"
        raise ConfigError(message)
    return results


def read_result(file: Path) -> Result:
    """Read one box file.

    Raises:
        ConfigError: It cannot be read or does not follow the schema.
    """
    try:
        return _result(file, json.loads(file.read_bytes()))
    except (OSError, KeyError, TypeError, ValueError) as error:
        message = (
            f"{file}: not a box file of schema {SCHEMA} ({type(error).__name__}: {error}); "
            f"write it again with `locpipe run --force`"
        )
        raise ConfigError(message) from error


def _result(file: Path, document: dict[str, Any]) -> Result:
    if document["schema"] != SCHEMA:
        message = f"its schema is {document['schema']!r}"
        raise ValueError(message)
    image = document["image"]
    page = f".page-{image['page']}" if image["page"] > 1 else ""
    return Result(
        file=file,
        stem=PurePosixPath(image["path"]).stem + page,
        size=(image["width"], image["height"]),
        stored_size=(image["stored_width"], image["stored_height"]),
        orientation=image["exif_orientation"],
        detections=tuple(map(_detection, document["boxes"])),
        labels=tuple(document["labels"]),
    )


def _detection(box: dict[str, Any]) -> Detection:
    return Detection(_polygon(box), box["line"], box["label"], box["score"])


def _polygon(box: dict[str, Any]) -> Polygon:
    polygon = np.asarray(box["polygon"], dtype=np.float64)
    shaped = polygon.ndim == 2 and polygon.shape[1] == 2 and len(polygon) >= 3
    if not shaped or not np.isfinite(polygon).all():
        message = f"a polygon is not a list of three or more points x, y: {box['polygon']}"
        raise ValueError(message)
    return polygon
