"""The first thing a newcomer does: a shipped config on the pictures that ship."""

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from locpipe.pipeline.sources.pictures import open_source
from locpipe.stages.load import probe

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
GOLDEN_PICTURES = ("coffee.png", "circuit_board.jpg")
SMALL = 0.5  # megapixels: the big ones take too long for every test run

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small_samples(tmp_path: Path) -> Path:
    paths = [Path(picture.path) for picture in open_source(SAMPLES, tmp_path)]
    chosen = [path for path in paths if probe(path).megapixels < SMALL]
    assert len(chosen) >= 3
    manifest = tmp_path / "small.txt"
    manifest.write_text("\n".join(map(str, chosen)))
    return manifest


@pytest.mark.parametrize("config", ["text", "digits"])
def test_a_shipped_config_runs_as_it_is(
    config: str, small_samples: Path, tmp_path: Path, locpipe: Run
) -> None:
    arguments = ("run", config, "--input", small_samples, "--output", tmp_path / "out", "--workers", "0")  # fmt: skip
    done = locpipe(*arguments, "--json", "--set", f"input.root={SAMPLES}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count = len(small_samples.read_text().splitlines())
    report = json.loads(done.stdout)
    assert (report["counts"]["done"], report["engines"]) == (count, ["onnxruntime"])
    for kind in ("boxes", "masks", "overlays"):
        assert len(list((tmp_path / "out" / kind).iterdir())) == count
    for picture in GOLDEN_PICTURES:
        compare_with_golden(config, picture, tmp_path / "out")


def test_the_larger_text_model_runs_as_it_is(tmp_path: Path, locpipe: Run) -> None:
    picture = SAMPLES / "circuit_board.jpg"
    arguments = ("run", "text-large", "--input", picture, "--output", tmp_path, "--workers", "0")
    done = locpipe(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["engines"] == ["onnxruntime"]
    compare_with_golden("text-large", picture.name, tmp_path)


def compare_with_golden(config: str, picture: str, output: Path) -> None:
    """Hold boxes and mask to what is kept in golden/, made anew where LOCPIPE_GOLDEN=write.

    Processors round differently in the last digits, so a pixel or a hundredth may differ.
    """
    golden = Path(__file__).parent / "golden" / config
    mask = (output / "masks" / f"{picture}.png").read_bytes()
    document = json.loads((output / "boxes" / f"{picture}.json").read_text())
    del document["made_by"]
    if os.environ.get("LOCPIPE_GOLDEN") == "write":
        golden.mkdir(parents=True, exist_ok=True)
        (golden / f"{picture}.json").write_text(json.dumps(document))
        (golden / f"{picture}.png").write_bytes(mask)
    kept = json.loads((golden / f"{picture}.json").read_text())
    found_boxes, kept_boxes = document.pop("boxes"), kept.pop("boxes")
    assert document == kept
    assert len(found_boxes) == len(kept_boxes)
    rects, kept_rects = (np.array([box["rect"] for box in boxes]).reshape(-1, 4) for boxes in (found_boxes, kept_boxes))  # fmt: skip
    found_at, kept_at = linear_sum_assignment(cdist(rects, kept_rects, "cityblock"))
    is_text = config.startswith("text")
    # What `digits` finds on these lies one over another, and its order hangs on the last digits.
    assert not is_text or np.array_equal(found_at, kept_at)
    for found, expected in (
        (found_boxes[i], kept_boxes[j]) for i, j in zip(found_at, kept_at, strict=True)
    ):
        assert found["rect"] == pytest.approx(expected["rect"], abs=2)
        assert found["score"] == pytest.approx(expected["score"], abs=0.01)
        assert {"label", "line", "class"} & found.keys() == {
            "label",
            "line",
            "class",
        } & expected.keys()
        assert not is_text or found["line"] == expected["line"]
    pixels, expected_pixels = pixels_of(mask), pixels_of((golden / f"{picture}.png").read_bytes())
    assert np.mean(pixels != expected_pixels) < 0.001


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_pictures_that_ship_are_found_by_default(locpipe: Run, tmp_path: Path) -> None:
    done = locpipe("run", "text", "--output", tmp_path, "--dry-run", cwd=ROOT)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) >= 12
    assert all(line.startswith("process: new: ") for line in lines)
