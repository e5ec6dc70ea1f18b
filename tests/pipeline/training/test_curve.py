import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.training.curve import blank, write_curve
from locpipe.stages.errors import ConfigError, OutputError

CURVE = [
    {"epoch": n, "train_error": 1 / n, "train_accuracy": 1 - 1 / n}
    | {"test_error": 1.1 / n, "test_accuracy": 1 - 1.1 / n}
    for n in (1, 2, 3)
]


def test_a_curve_is_numbers_and_a_picture(tmp_path: Path) -> None:
    write_curve(tmp_path, CURVE)
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == CURVE
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.format == "PNG"
        # Two lines in two colours of their own: no plain white sheet.
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_a_curve_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/curve\.jsonl cannot be written"):
        write_curve(tmp_path / "file", CURVE)


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A usage error, as of every extra that is missing, and no internal one."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install 'locpipe\[train\]'"):
        blank()
