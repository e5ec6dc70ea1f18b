"""The results of a run and the truth, picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....stages.decoding.orientation import points_upright
from ....stages.errors import ConfigError
from ...output.box_json import Page
from ...output.failures import FAILURES, read_failures
from ...output.layout import result_path
from ...output.shards import ShardPage
from ..evaluate import Frame
from ..pages import polygons_of, stem_of_page
from .annotations import stem_of
from .masks import read_mask
from .truth import Truth


@dataclass(frozen=True)
class Case:
    """One picture: its heat, its truth and its results, all in the same frame and size.

    Attributes:
        heat: uint8 [H, W] or float in 0..1.
        boxes: float64 [n, 4], objects: left, top, right, bottom in pixels; empty if unknown.
        mask: bool [H, W], objects; None if unknown.
        found_boxes: float64 [m, 4], the boxes found.
        found_mask: bool [H, W], the mask found; None if no mask was written.
    """

    heat: NDArray[Any]
    boxes: NDArray[np.float64]
    mask: NDArray[np.bool_] | None
    found_boxes: NDArray[np.float64]
    found_mask: NDArray[np.bool_] | None


def read_case(run: Path, page: Page, truth: Truth, *, frame: Frame, label: str | None) -> Case:
    """Read one picture of a run.

    Raises:
        ConfigError: A file is missing, damaged, or of another size than the picture.
    """
    mask_file = truth.masks.get(stem_of_page(page))
    turn = page.exif_orientation if frame == "stored" else 1
    found_mask = _grey(result_path(run, "masks", page.key, page.page), page)
    return Case(
        heat=_read_heat(run, page),
        boxes=_true_boxes(truth, page, frame, label),
        mask=None if mask_file is None else read_mask(mask_file, page.size, turn),
        found_boxes=_rectangles(polygons_of(page)),
        found_mask=None if found_mask is None else found_mask > 0,
    )


def failed(run: Path) -> set[str]:
    """Return the stems of the pictures that failed in the run, from its failures.jsonl.

    Raises:
        ConfigError: The file is damaged.
    """
    file = run / FAILURES
    if not file.exists():
        return set()
    try:
        return {stem_of(failure.path) for failure in read_failures(file)}
    except (OSError, ValueError, TypeError) as error:
        message = f"{file}: cannot be read ({error}); write it again with `locpipe run`"
        raise ConfigError(message) from error


def _read_heat(run: Path, page: Page) -> NDArray[np.uint8]:
    file = result_path(run, "heatmaps", page.key, page.page)
    heat = _grey(file, page)
    if heat is None and isinstance(page, ShardPage):
        message = f"{run}: shards have no heatmaps; run again with output.layout=files and output.heatmaps=true into another output"  # fmt: skip
        raise ConfigError(message)
    if heat is None:
        message = f"{file}: no heatmap here; run again with --set output.heatmaps=true"
        raise ConfigError(message)
    return heat


def _grey(file: Path, page: Page) -> NDArray[np.uint8] | None:
    if not file.is_file():
        return None
    # Not imread, which cannot open names that are not UTF-8.
    grey = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None or grey.shape != page.size[::-1]:
        message = f"{file}: not a whole picture of the size {page.size}; run again with --force"
        raise ConfigError(message)
    return np.asarray(grey, np.uint8)


def _true_boxes(truth: Truth, page: Page, frame: Frame, label: str | None) -> NDArray[np.float64]:
    stem = stem_of_page(page)
    boxes = [
        thing.box
        for thing in truth.things.get(stem, ())
        if thing.box is not None and label in (None, thing.label)
    ]
    corners = [np.array(box).reshape(2, 2) for box in boxes]
    if frame == "stored":
        turn = (page.exif_orientation, page.stored_size)
        corners = [points_upright(two, *turn) for two in corners]
    rectangles = _rectangles(corners)
    if (rectangles[:, :2] < -1).any() or (rectangles[:, 2:] > np.array(page.size) + 1).any():
        message = (
            f"ground truth: {stem} has a box outside its {page.width} x "
            f"{page.height} pixels; --frame says which pixel grid boxes refer to, so check it"
        )
        raise ConfigError(message)
    return rectangles


def _rectangles(corners: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the upright rectangles around sets of points: [n, 4]."""
    ends = [np.concatenate([points.min(axis=0), points.max(axis=0)]) for points in corners]
    return np.array(ends, np.float64).reshape(-1, 4)
