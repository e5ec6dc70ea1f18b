"""Scores of a run against its ground truth."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from ...stages.decoding.orientation import points_upright
from ...stages.errors import ConfigError
from ..output.box_json import Page
from .lines import join_lines
from .overlaps import ComparedPicture, Region
from .pages import polygons_of, read_run
from .score import PROTOCOLS, Report, score
from .truth import read_truth, truth_files

Frame: TypeAlias = Literal["upright", "stored"]


def evaluate(
    run: Path,
    truth: Path,
    *,
    protocols: Sequence[str] = tuple(PROTOCOLS),
    frame: Frame = "upright",
    lines: bool = False,
    subset: bool = False,
) -> Report:
    """Score the boxes of a run against ground truth.

    Args:
        run: Output folder of `locpipe run`.
        truth: Folder with `<stem>.txt` or `gt/<stem>.txt` for every picture.
        protocols: Keys of `PROTOCOLS`.
        frame: Pixel grid of the ground truth: the upright picture or the stored one.
        lines: Join the boxes of each text line first, for ground truth of lines.
        subset: Score the pictures of the run, even if there is truth of others.

    Raises:
        ConfigError: A file is missing, malformed, or without its partner.
    """
    pages, files = read_run(run), truth_files(truth)
    hint = "; a picture without text needs an empty file"
    not_run = check_partners(pages.keys(), files.keys(), run, str(truth), hint=hint, subset=subset)
    pictures = [
        _compared(stem, page, read_truth(files[stem]), frame=frame, lines=lines)
        for stem, page in pages.items()
    ]
    return replace(score(pictures, protocols), not_run=not_run)


def _compared(
    stem: str, page: Page, truth: Sequence[Region], *, frame: Frame, lines: bool
) -> ComparedPicture:
    if frame == "stored":
        truth = [
            Region(points_upright(r.polygon, page.exif_orientation, page.stored_size), r.ignored)
            for r in truth
        ]
    found = join_lines(page.boxes) if lines else polygons_of(page)
    return ComparedPicture(stem, page.size, truth, found)


def check_partners(
    results: AbstractSet[str],
    truth: AbstractSet[str],
    run: Path,
    folder: str,
    *,
    hint: str = "",
    subset: bool = False,
) -> int:
    """Check that every picture has results and ground truth, each given by stem.

    Returns:
        The number of pictures with truth and without a result; it is 0 without `subset`.

    Raises:
        ConfigError: A picture lacks one of them. The message names some such pictures, and ends
            with the hint.
    """
    if untold := sorted(results - truth):
        message = f"{folder}: no ground truth for {_some(untold)} of {run}{hint}"
        raise ConfigError(message)
    unseen = sorted(truth - results)
    if unseen and not subset:
        message = (
            f"{run}: no boxes for {_some(unseen)} of {folder}; look into its failures.jsonl, or "
            "score the pictures of this run alone with --subset"
        )
        raise ConfigError(message)
    return len(unseen)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more pictures" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
