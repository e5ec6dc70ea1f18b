"""The box JSON of a page, `locpipe/boxes/2`: its only writer and reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...stages.errors import ConfigError
from ...stages.geometry.box import Box, Point
from ...stages.settings import TextDirection
from ...stages.version import __version__
from ..config.sections import OutputConfig
from ..storage.objects import bytes_at
from .layout import all_there, page_name, result_path

if TYPE_CHECKING:
    from ...stages.localize import Result

SCHEMA: Final = "locpipe/boxes/2"
"""The schema that is written; `schemas/boxes-2.json` describes it."""
READABLE: Final = ("locpipe/boxes/1", SCHEMA)
"""The schemas that are read; unknown keys are ignored."""
_CUT: Final = "kept the best {} of {} boxes"
_SIZES: Final = ("page", "width", "height", "exif_orientation", "stored_width", "stored_height")


@dataclass(frozen=True)
class Maker:
    """What decides a result beside the picture, and the version that wrote it.

    Two makers are equal if they give equal results. The version of locpipe is not compared:
    `config_sha256` changes with every version that finds other boxes.

    Attributes:
        model: name of the model.
        model_sha256: hash of its card, which lists the hashes of its other files.
        config_sha256: hash of the settings that decide a result (`Config.sha256`).
        locpipe: version that wrote the result; empty in `locpipe/boxes/1`.
    """

    model: str
    model_sha256: str
    config_sha256: str
    locpipe: str = field(default=__version__, compare=False)


@dataclass(frozen=True)
class Page:
    """The content of a box JSON: one page of one picture.

    Attributes:
        key: path of the picture relative to the source; bytes that are not UTF-8 as surrogates.
        page: which page of the file, from 1.
        width: columns of the upright page, in pixels.
        height: rows of the upright page, in pixels.
        exif_orientation: 1..8.
        stored_width: columns before `exif_orientation` is applied.
        stored_height: rows before `exif_orientation` is applied.
        sha256: of the picture file.
        labels: names of the labels, in the order of the values of the mask.
        boxes: in reading order, in pixels of the upright page.
        made_by: what found the boxes.
        document: the box JSON that was read, with its unknown keys.
    """

    key: str
    page: int
    width: int
    height: int
    exif_orientation: int
    stored_width: int
    stored_height: int
    sha256: str
    labels: tuple[str, ...]
    boxes: tuple[Box, ...]
    made_by: Maker
    document: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The name of the page's results: the key, and the page if it is not the first."""
        return page_name(self.key, self.page)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright page, in pixels."""
        return self.width, self.height

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height before the EXIF orientation is applied, in pixels."""
        return self.stored_width, self.stored_height


def page_of_result(result: Result, key: str, sha256: str, maker: Maker) -> Page:
    """Return the results of the stages as a page of the picture with this key and hash."""
    return Page(
        key=key,
        **{name: getattr(result.image, name) for name in _SIZES},
        sha256=sha256,
        labels=tuple(result.mask.labels),
        boxes=tuple(result.boxes.items),
        made_by=maker,
    )


def box_document(
    page: Page, *, dropped: int = 0, filtered: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return the JSON of a page, without unknown keys of `page.document`.

    `dropped` is the number of boxes that boxes.max left out, `filtered` the number for each key of
    boxes.keep.
    """
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "image": {
            "path": page.key,
            **{name: getattr(page, name) for name in _SIZES},
            "sha256": page.sha256,
        },
        "made_by": asdict(page.made_by),
        "labels": list(page.labels),
        "boxes": [_box_document(box) for box in page.boxes],
    }
    if filtered:
        document["filtered"] = dict(filtered)
    if dropped:
        kept = len(page.boxes)
        warning = _CUT.format(kept, kept + dropped) + "; raise boxes.max to see all"
        document["warnings"] = [warning]
    return document


def boxes_dropped(page: Page) -> int:
    """Return how many boxes of a page boxes.max left out."""
    pattern = _CUT.format(r"(\d+)", r"(\d+)")
    warnings = page.document.get("warnings")
    found = (
        (re.match(pattern, str(each)) for each in warnings) if isinstance(warnings, list) else ()
    )
    return sum(int(each[2]) - int(each[1]) for each in found if each)


def _box_document(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = {
        "label": box.label,
        "score": round(box.score, 4),
        "rect": list(box.rect),
        "polygon": [list(point) for point in box.polygon],
        "line": box.line,
        "block": box.block,
        "direction": box.direction,
    }
    if box.class_ is not None and box.probability is not None:
        found |= {"class": box.class_, "probability": round(box.probability, 4)}
    return found


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=())


class _Image(_Strict):
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    page: int = Field(ge=1)
    exif_orientation: int = Field(ge=1, le=8)
    stored_width: int = Field(ge=1)
    stored_height: int = Field(ge=1)
    sha256: str


class _Maker(_Strict):
    model: str
    model_sha256: str
    config_sha256: str
    locpipe: str = ""


class _Box(_Strict):
    label: str
    score: float
    rect: tuple[int, int, int, int] = Field(strict=False)
    polygon: list[Annotated[Point, Field(strict=False)]] = Field(min_length=4)
    line: int
    class_: str | None = Field(None, alias="class")
    probability: float | None = None
    block: int = 0
    direction: TextDirection = "ltr"


class _Document(_Strict):
    image: _Image
    made_by: _Maker
    labels: list[str] = Field(min_length=1)
    boxes: list[_Box]


def read_page(file: Path) -> Page:
    """Read a box JSON.

    Raises:
        ConfigError: the file cannot be read, is of another version, or damaged.
    """
    return page_of(read_object(file), str(file))


def read_kept(output: OutputConfig, key: str, page: int) -> Page | None:
    """Read the result of an earlier run for a page; None: a file is missing or unusable.

    Files of other programs or of another picture are unusable.

    Raises:
        ImageError: the name of a file of the page would be too long.
    """
    if not all_there(output, key, page):
        return None
    try:
        kept = read_page(result_path(output.path, "boxes", key, page))
    except ConfigError:
        return None
    return kept if (kept.key, kept.page) == (key, page) else None


def page_of(document: Mapping[str, Any], origin: str) -> Page:
    """Return a box JSON as a page; `origin` is for messages, unknown keys are ignored.

    Raises:
        ConfigError: the document is of another version, or damaged.
    """
    if document.get("schema") not in READABLE:
        msg = (
            f"{origin}: is {document.get('schema')!r}, this locpipe reads "
            f"{' and '.join(map(repr, READABLE))}; run again with this version into a new output"
        )
        raise ConfigError(msg)
    try:
        key = document["image"]["path"]  # may hold surrogates, which pydantic refuses
        read = _Document.model_validate(document)
    except (ValidationError, KeyError, TypeError) as error:
        msg = f"{origin}: damaged ({_reason(error)}); remove it and run again"
        raise ConfigError(msg) from error
    return Page(
        key=key,
        **read.image.model_dump(),
        labels=tuple(read.labels),
        boxes=tuple(_box(box) for box in read.boxes),
        made_by=Maker(**read.made_by.model_dump()),
        document=document,
    )


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "there is no image.path"
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _box(box: _Box) -> Box:
    return Box(**{**dict(box), "polygon": tuple(box.polygon)})


def read_object(file: Path, *, advice: str = "remove it and run again") -> dict[str, Any]:
    """Read a JSON object of a run or a report; `advice` ends the message of an error.

    Raises:
        ConfigError: the file cannot be read, or is no JSON object.
    """
    try:
        document = json.loads(bytes_at(file))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{file}: cannot be read ({error}); {advice}"
        raise ConfigError(msg) from error
    if not isinstance(document, dict):
        msg = f"{file}: is no JSON object; {advice}"
        raise ConfigError(msg)
    return document
