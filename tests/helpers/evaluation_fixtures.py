"""Box files and ground truth on disk."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from locpipe.pipeline.evaluation.overlaps import Polygon

Corners: TypeAlias = Sequence[Sequence[float]]


def rect(left: float, top: float, right: float, bottom: float) -> Polygon:
    """A rectangle as a polygon, clockwise from its top-left corner."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return tmp_path / "truth"


@pytest.fixture
def write_boxes(run: Path) -> Callable[..., Path]:
    """Write one box file of the run; keyword arguments override what the file says of the picture."""

    def write(
        path: str,
        boxes: Sequence[tuple[Corners, int]] = (),
        *,
        page: int = 1,
        **image: Any,
    ) -> Path:
        size = {"width": 200, "height": 100, "stored_width": 200, "stored_height": 100}
        document = {
            "schema": "locpipe/boxes/1",
            "image": {"path": path, "page": page, "exif_orientation": 1, "sha256": "0" * 64}
            | size
            | image,
            "made_by": {"model": "m", "model_sha256": "0" * 64, "config_sha256": "0" * 64},
            "labels": ["text"],
            "boxes": [
                {
                    "label": "text",
                    "score": 0.9,
                    "rect": [0, 0, 1, 1],
                    "polygon": polygon,
                    "line": line,
                }
                for polygon, line in boxes
            ],
        }
        file = run / "boxes" / (path + (f".page-{page}" if page > 1 else "") + ".json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
        return file

    return write


@pytest.fixture
def write_truth(truth: Path) -> Callable[[str, str], Path]:
    def write(stem: str, text: str) -> Path:
        file = truth / "gt" / f"{stem}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write
