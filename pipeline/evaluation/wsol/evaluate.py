"""From a run and ground truth of objects to scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....stages.errors import ConfigError
from ...output.box_json import Page
from ..evaluate import Frame, check_partners
from ..pages import read_run
from .cases import failed, read_case
from .labels import average_precisions
from .levels import Normalize
from .measures import Totals
from .score import WsolReport, WsolTotal, score, total
from .truth import Truth, read_truth


def evaluate_wsol(
    run: Path,
    truth: Sequence[Path],
    *,
    frame: Frame = "upright",
    normalize: Normalize = "minmax",
    label: str | None = None,
    subset: bool = False,
) -> tuple[WsolReport, list[str]]:
    """Score the heatmaps, boxes and masks of a run against ground truth of objects.

    Args:
        run: Output folder of `locpipe run`, with heatmaps.
        truth: CSV files, folders of Pascal VOC XML or of masks, see `read_truth`.
        frame: Pixel grid of the truth: the upright picture or the stored one.
        normalize: Whether heat is stretched to 0..1 in every picture.
        label: Use only boxes of this name.
        subset: Score the pictures of the run, even if there is truth of others.

    Returns:
        The scores, and the pictures left out because the run failed on them.

    Raises:
        ConfigError: A file is missing, malformed, or without its partner.
    """
    pages, known = read_run(run), read_truth(truth)
    stems = known.stems()
    left_out = sorted(failed(run) & stems - pages.keys())
    places = ", ".join(map(str, truth))
    known_stems = stems - set(left_out)
    not_run = check_partners(pages.keys(), known_stems, run, places, subset=subset)
    labels = {thing.label for things in known.things.values() for thing in things}
    if label is not None and label not in labels:
        message = f"--label {label}: {places} knows {', '.join(sorted(labels)) or 'none'}; choose one of these"
        raise ConfigError(message)
    cases = (
        (stem, read_case(run, page, known, frame=frame, label=label))
        for stem, page in pages.items()
    )
    report = score(cases, normalize=normalize)
    report.totals.update(_label_totals(pages, known))
    if not report.totals:
        message = (
            f"{places}: nothing to measure: no picture has an object in it; give other pictures"
        )
        raise ConfigError(message)
    return replace(report, not_run=not_run), left_out


def _label_totals(pages: Mapping[str, Page], truth: Truth) -> dict[str, WsolTotal]:
    """Return mAP over the labels that the run and the truth share; empty if they share none.

    The score of a label on a picture is that of its best box, or 0 without a box.
    """
    named = [{thing.label for thing in truth.things.get(stem, ())} - {""} for stem in pages]
    # Labels of all pictures: with top1, each picture has only its own most probable label.
    looked_for = set().union(*(page.labels for page in pages.values()))
    labels = sorted(looked_for & set().union(*named))
    if not labels:
        return {}
    known = np.array([[label in there for label in labels] for there in named])
    scores = np.array(
        [
            [
                max((b.score for b in page.boxes if b.label == label), default=0.0)
                for label in labels
            ]
            for page in pages.values()
        ]
    )
    nothing = np.zeros_like(scores)
    rows = [np.stack([found, known], axis=-1) for found in (scores, nothing, nothing)]
    return total(_map, *rows)


def _map(rows: NDArray[Any], times: NDArray[np.float64]) -> Totals:
    """Return mAP of rows [n, labels, 2], score and truth; nan for a sample without any label."""
    columns = rows.swapaxes(0, 1)
    areas = np.array([average_precisions(one[:, 0], one[:, 1] > 0, times) for one in columns])
    there = (~np.isnan(areas)).sum(axis=0)
    nowhere = np.full(len(there), np.nan)
    return {"mAP": np.divide(np.nansum(areas, axis=0), there, out=nowhere, where=there > 0)}
