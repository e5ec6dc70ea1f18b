"""Heatmaps and masks of a run on disk, beside the box files of the folder above."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_grey(run: Path) -> Callable[..., Path]:
    """Write one map of the run, 200 x 100: `level` inside of a box, 0 elsewhere."""

    def write(kind: str, key: str, box: tuple[int, int, int, int], level: int = 255) -> Path:
        grey = np.zeros((100, 200), np.uint8)
        left, top, right, bottom = box
        grey[top:bottom, left:right] = level
        file = run / kind / f"{key}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(file)
        return file

    return write
