"""Runs to export: a real one, and made-up pages for what no picture has."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.config import Config
from locpipe.pipeline.run import Options, execute

Redo = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, photographs: dict[str, np.ndarray]) -> Path:
    """`pictures/` and `out/`, the quick config's results for three of them."""
    folder = tmp_path_factory.mktemp("finished")
    pictures = folder / "pictures"
    (pictures / "signs").mkdir(parents=True)
    Image.fromarray(photographs["coffee"]).resize((300, 200)).save(pictures / "coffee.jpg")
    Image.fromarray(photographs["text"]).save(pictures / "signs" / "text.PNG")
    plain = [Image.new("L", (40 + n, 60), 200) for n in range(2)]
    plain[0].save(pictures / "plain.tif", save_all=True, append_images=plain[1:])
    execute(quick(pictures, folder / "out"), Options())
    return folder


def quick(pictures: Path, output: Path) -> Config:
    """The paper's settings, in this process."""
    return Config.model_validate(
        {
            "model": "digits",
            "input": {"path": pictures},
            "output": {"path": output},
            "heatmap": {"weights": "paper", "normalize": "minmax", "labels": ["text"]},
            "threshold": {"method": "mean_std"},
            "run": {"workers": 0},
        }
    )


@pytest.fixture
def finished(_finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run's `pictures/` and `out/`, to spoil at will."""
    shutil.copytree(_finished, tmp_path / "run")
    report = json.loads((tmp_path / "run" / "out" / "run.json").read_bytes())
    report["config"]["input"]["path"] = str(tmp_path / "run" / "pictures")
    (tmp_path / "run" / "out" / "run.json").write_text(json.dumps(report))
    return tmp_path / "run"
