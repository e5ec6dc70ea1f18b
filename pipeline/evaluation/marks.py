"""Scores from the marks of a person, made in the report of a run: right, wrong, missed.

They need no ground truth. Recall counts only what the person looked for and marked as missed.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...stages.errors import ConfigError
from ..output.box_json import Page, read_object, read_page
from ..output.layout import page_name, result_path
from ..output.shards import has_shards, shard_pages
from .counts import Counts
from .score import Report, report_of

SCHEMA: Final = "locpipe/marks/1"
PROTOCOL: Final = "marks"


@dataclass(frozen=True)
class MarkCounts:
    """Numbers of marks, and of marks that no longer match this run.

    Attributes:
        right: boxes marked right.
        wrong: boxes marked wrong.
        missed: places marked as missed.
        unmarked: boxes without a mark, on pictures that have marks.
        stale: marks of boxes that are not in the run, or of a picture that has changed since.
        pictures_left_out: marked pictures that are not in the run.
    """

    right: int
    wrong: int
    missed: int
    unmarked: int
    stale: int
    pictures_left_out: int

    def __str__(self) -> str:
        told = (
            f"{self.right} right, {self.wrong} wrong, {self.missed} missed; "
            f"{self.unmarked} boxes of these pictures have no mark"
        )
        if self.stale:
            told += f"; {self.stale} marks left out: the run has other boxes there now"
        if self.pictures_left_out:
            told += f"; {self.pictures_left_out} pictures left out: they are not in this run"
        return told


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Box(_Model):
    rect: tuple[int, int, int, int] = Field(strict=False)
    mark: Literal["right", "wrong"]


class _Picture(_Model):
    path: Any  # may hold surrogates, which pydantic refuses in a string
    page: int = Field(ge=1)
    sha256: str
    boxes: list[_Box]
    missed: list[Annotated[tuple[float, float], Field(strict=False)]]


class _Marks(_Model):
    pictures: list[_Picture]


def evaluate_marks(run: Path, file: Path) -> tuple[Report, MarkCounts]:
    """Score the boxes of a run by the marks that a report saved.

    Args:
        run: Output folder of `locpipe run`.
        file: `marks.json`.

    Raises:
        ConfigError: The file cannot be read, has no marks, or has only marks of other runs.
    """
    counts: dict[str, Counts] = {}
    totals: Counter[str] = Counter()
    for picture in _read(file):
        page = _page(run, picture)
        if page is None:
            totals["pictures_left_out"] += 1
            continue
        found = _count(page, picture)
        totals.update(found)
        right, wrong, missed = (found[name] for name in ("right", "wrong", "missed"))
        if right + wrong + missed:
            counts[page.name] = Counts(right, right + missed, right, right + wrong)
    if not counts:
        msg = f"{file}: no mark in it is of a box of {run}; give the run whose report was marked"
        raise ConfigError(msg)
    names = MarkCounts.__dataclass_fields__
    marks = MarkCounts(**{name: totals[name] for name in names})
    return report_of(sorted(counts), {PROTOCOL: [counts[name] for name in sorted(counts)]}), marks


def _read(file: Path) -> list[_Picture]:
    hint = "give the marks.json that a report of `locpipe report` saved"
    document = read_object(file, advice=hint)
    if document.get("schema") != SCHEMA:
        msg = f"{file}: is {document.get('schema')!r}, not {SCHEMA!r}; {hint}"
        raise ConfigError(msg)
    try:
        return _Marks.model_validate(document).pictures
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}; {hint}"
        raise ConfigError(msg) from error


@lru_cache(maxsize=1)
def _in_shards(run: Path) -> dict[tuple[str, int], Page]:
    return {(page.key, page.page): page for page in shard_pages(run)}


def _page(run: Path, picture: _Picture) -> Page | None:
    """Return the page of some marks; None: it is not in the run."""
    if not isinstance(picture.path, str) or ".." in Path(picture.path).parts:
        return None
    if has_shards(run):
        return _in_shards(run).get((picture.path, picture.page))
    file = result_path(run, "boxes", picture.path, picture.page)
    try:
        there = file.is_file()
    except (OSError, ValueError):  # an impossible name
        return None
    page = read_page(file) if there else None
    return page if page and page.name == page_name(picture.path, picture.page) else None


def _count(page: Page, picture: _Picture) -> Counter[str]:
    if page.sha256 != picture.sha256:
        return Counter(stale=len(picture.boxes) + len(picture.missed))
    rects = Counter(box.rect for box in page.boxes)
    known = [box for box in picture.boxes if box.rect in rects]
    found = Counter(box.mark for box in known)
    return Counter(
        right=found["right"],
        wrong=found["wrong"],
        missed=len(picture.missed),
        unmarked=len(page.boxes) - sum(rects[rect] for rect in {box.rect for box in known}),
        stale=len(picture.boxes) - len(known),
    )
