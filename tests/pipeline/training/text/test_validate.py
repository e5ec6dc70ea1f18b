from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from locpipe.pipeline.evaluation.score import score
from locpipe.pipeline.training.scene_text.settings import RenderSettings
from locpipe.pipeline.training.text.labels import TEXT, label
from locpipe.pipeline.training.text.validate import (
    INPUT,
    Rendered,
    as_input,
    compared,
    measure,
    measure_real,
    real_pictures,
    regions,
)
from locpipe.stages.errors import ConfigError
from locpipe.stages.infer import normalized
from locpipe.stages.nets import build


@pytest.fixture(scope="module")
def rendered(render: RenderSettings) -> Rendered:
    return Rendered(render, 3)


def test_input_is_what_inference_shows() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    ours = as_input(pictures, torch.device("cpu"))
    np.testing.assert_allclose(ours.numpy(), normalized(pictures, INPUT), atol=1e-5)


def test_the_pictures_are_always_the_same_and_never_those_of_training(
    rendered: Rendered, render: RenderSettings
) -> None:
    again = Rendered(render, 3).pictures
    for one, other in zip(rendered.pictures, again, strict=True):
        assert (one.rgb == other.rgb).all()
        assert one.rgb.shape == (512, 512, 3)
    assert rendered.sha256 == Rendered(render, 3).sha256
    assert rendered.sha256 != Rendered(render.model_copy(update={"curved": 1.0}), 3).sha256


def test_the_truth_itself_finds_nearly_every_word(rendered: Rendered) -> None:
    pictures = []
    for number, one in enumerate(rendered.pictures):
        heat = (label(one.words, 512, 512).classes == TEXT).astype(np.float32)
        pictures.append(compared(str(number), one.rgb, heat, regions(one), 0.5))
    assert score(pictures, ["icdar2015"]).totals["icdar2015"].score.h > 0.8


def test_an_untrained_network_finds_little(rendered: Rendered) -> None:
    measured = measure(build("text", 3), rendered)
    assert set(measured) == {"core_f", "iou_h", "threshold"}
    assert measured["core_f"] < 0.3
    assert measured["iou_h"] < 0.3


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    (tmp_path / "gt").mkdir()
    (tmp_path / "images").mkdir()
    for name in "abcde":
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), np.full((70, 90, 3), 99, np.uint8))
        (tmp_path / "gt" / f"{name}.txt").write_text("1,1,40,1,40,20,1,20,word\n")
    return tmp_path


def test_some_photographs_are_evenly_spaced(photographs: Path) -> None:
    chosen = list(real_pictures(photographs, 3))
    assert [name for name, _, _ in chosen] == ["a", "c", "e"]
    assert chosen[0][1].shape == (70, 90, 3)
    assert len(chosen[0][2]) == 1
    assert len(list(real_pictures(photographs, 99))) == 5


def test_photographs_are_scored_by_all_protocols(photographs: Path) -> None:
    assert set(measure_real(build("text", 3), photographs, 2, 0.5)) == {
        "icdar2015",
        "deteval",
        "pixel",
    }


def test_truth_without_a_photograph_is_an_error(photographs: Path) -> None:
    (photographs / "images" / "a.jpg").unlink()
    with pytest.raises(ConfigError, match=r"a\.txt has no photograph"):
        list(real_pictures(photographs, 5))
