import logging
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from locpipe.pipeline.training.text import teaching
from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.pipeline.training.text.labels import IGNORED, STRIDE, TEXT
from locpipe.pipeline.training.text.loop import TextTraining, complete, untrained
from locpipe.pipeline.training.text.loss import balanced_loss, taught_loss
from locpipe.pipeline.training.text.samples import batches
from locpipe.pipeline.training.text.teaching import ANSWERS_FOLDER, answered, taught_crop
from locpipe.pipeline.training.text.validate import Rendered
from locpipe.stages.errors import ConfigError, ModelError


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with words, which the shipped model surely finds, and a file beside it."""
    folder = tmp_path_factory.mktemp("unlabelled")
    Image.fromarray(data.page()).convert("RGB").save(folder / "page.png")
    (folder / "page.txt").write_text("truth that nobody reads")
    return folder


@pytest.fixture(scope="module")
def taught(
    tiny: TextTrainConfig, photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> TextTrainConfig:
    changes = {"output": tmp_path_factory.mktemp("taught"), "unlabelled": (photographs,)}
    return tiny.model_copy(update={**changes, "teachers": ("text",), "batch_size": 4})


@pytest.fixture(scope="module")
def files(taught: TextTrainConfig) -> tuple[Path, ...]:
    return answered(taught)


def test_a_teacher_is_asked_once_and_truth_beside_is_not_read(
    taught: TextTrainConfig, files: tuple[Path, ...], caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = files
    assert file.parent == taught.output / ANSWERS_FOLDER
    before = file.stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        assert answered(taught) == files
    assert file.stat().st_mtime_ns == before
    assert "1 files of" in caplog.text
    assert "not read" in caplog.text


def test_answers_lie_where_they_are_in_the_crop(
    taught: TextTrainConfig, files: tuple[Path, ...]
) -> None:
    """Cores lie on ink: within them, pixels differ more than around them."""
    crops = taught.crops.model_copy(update={"side": 128, "zoom": (1.0, 1.0)})
    random = np.random.default_rng(3)
    within, around = [], []
    for _ in range(20):
        crop = taught_crop(files[0], crops, random)
        assert crop.answers.shape == (3, 32, 32)
        np.testing.assert_allclose(crop.answers.sum(axis=0), 1, atol=0.01)
        cells = crop.rgb.mean(axis=2).reshape(32, STRIDE, 32, STRIDE).std(axis=(1, 3))
        core = crop.answers[TEXT] > 0.8
        within += cells[core].tolist()
        around += cells[crop.answers[0] > 0.95].tolist()
        assert (crop.weights[core] > 0).all()
    assert len(within) > 200
    assert np.mean(within) > 3 * np.mean(around)


def test_who_says_what_the_teacher_says_has_nothing_to_learn() -> None:
    answers = torch.tensor([0.7, 0.2, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4).clone()
    answers[0, :, 1, 1] = torch.tensor([0.1, 0.8, 0.1])
    weights = torch.ones(1, 4, 4)
    same = answers.log()
    same = same + (torch.logit(answers[:, TEXT]) - same[:, TEXT])[:, None]  # core alone tells, too
    assert float(taught_loss(same, answers, weights)) == pytest.approx(0, abs=1e-5)
    assert float(taught_loss(torch.zeros(1, 3, 4, 4), answers, weights)) > 0.5


def test_a_teacher_who_is_sure_is_like_the_truth() -> None:
    classes = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    logits = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    answers = torch.nn.functional.one_hot(classes, 3).movedim(-1, 1).float()
    weights = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(3))
    known = balanced_loss(logits, classes.to(torch.uint8), weights)
    assert float(taught_loss(logits, answers, weights)) == pytest.approx(float(known), rel=5e-3)


def test_a_training_learns_from_both(taught: TextTrainConfig, files: tuple[Path, ...]) -> None:
    batch = next(batches(taught, 0, files))
    assert batch.pictures.shape == (4, 64, 64, 3)
    assert batch.answers.shape == (2, 3, 16, 16)
    assert (batch.classes[2:] == IGNORED).all()
    assert (batch.classes[:2] != IGNORED).any()
    run = TextTraining(taught, untrained(taught), resume=False)
    run.learn(batch)
    first = float(run.error)
    for _ in range(11):
        run.learn(batch)
    assert float(run.error) < first


def test_a_signal_ends_the_teaching_at_once_and_answers_are_kept(
    taught: TextTrainConfig, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training waits for the end of its step, but hundreds of photographs take an hour."""
    for number in range(3):
        Image.open(photographs / "page.png").resize((90 + number, 60)).save(
            tmp_path / f"{number}.png"
        )
    changes = {"output": tmp_path / "out", "unlabelled": (tmp_path,), "steps": 2}
    config = taught.model_copy(update=changes)
    run = TextTraining(config, untrained(config), resume=False)
    ask = teaching._answer

    def interrupted(*given: object) -> bytes:
        answers = tmp_path / "out" / ANSWERS_FOLDER
        if answers.is_dir() and any(answers.iterdir()):
            os.kill(os.getpid(), signal.SIGINT)
        return ask(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(teaching, "_answer", interrupted)
    rendered = Rendered(config.render, 1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # libraries may set their own
    try:
        with pytest.raises(KeyboardInterrupt):
            complete(run, rendered, keep=lambda _: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(list((tmp_path / "out" / ANSWERS_FOLDER).iterdir())) == 1


def test_bad_folders_and_teachers_are_named(
    taught: TextTrainConfig, photographs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigError, match=r"unlabelled: no pictures in .*name another folder"):
        answered(taught.model_copy(update={"unlabelled": (tmp_path,)}))
    with pytest.raises(ConfigError, match=r"teachers: none is named; give a model"):
        answered(taught.model_copy(update={"teachers": ()}))
    with pytest.raises(ModelError, match=r"teachers: .*digits knows the classes .*model of text"):
        answered(taught.model_copy(update={"teachers": ("digits",)}))
    shutil.copy(photographs / "page.png", tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert len(answered(taught.model_copy(update={"unlabelled": (tmp_path,)}))) == 1
    assert "broken.png" in caplog.text
    assert "left out" in caplog.text
