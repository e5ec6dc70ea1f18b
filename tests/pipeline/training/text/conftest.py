"""A training of seconds: small pictures on made surfaces, in the fonts that matplotlib brings."""

import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from click.testing import CliRunner, Result

from locpipe.pipeline.cli.weigh import weigh
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import FontSettings, Proportions, RenderSettings
from locpipe.pipeline.training.text.config import CropConfig, TextTrainConfig, ValidationConfig
from locpipe.pipeline.training.text.train import train_text


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def exported_here(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration runs in ONNX Runtime: its copies of models stay out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> RenderSettings:
    words = tmp_path_factory.mktemp("words") / "words"
    words.write_text("open\nstreet\nsign\nexit\nto\nthe\n")
    fonts = FontSettings(folders=(Path(mpl.get_data_path()) / "fonts" / "ttf",))
    kinds = Proportions(negative=0.1, near=0.9, far=0, document=0, large=0)
    return RenderSettings(width=192, height=192, words=words, fonts=fonts, kinds=kinds)


@pytest.fixture(scope="session")
def renderer(render: RenderSettings) -> Renderer:
    return Renderer(render)


@pytest.fixture(scope="session")
def tiny(render: RenderSettings, tmp_path_factory: pytest.TempPathFactory) -> TextTrainConfig:
    return TextTrainConfig(
        kind="text",
        name="tiny",
        output=tmp_path_factory.mktemp("text") / "model",
        steps=10,
        batch_size=3,
        warm_up=2,
        cool_down=0,
        workers=0,
        precision="fp32",
        device="cpu",
        checkpoint_minutes=60,
        crops=CropConfig(side=64, per_picture=3),
        render=render,
        validation=ValidationConfig(every=5, pictures=2),
    )


@pytest.fixture(scope="session")
def model_folder(tiny: TextTrainConfig) -> Path:
    train_text(tiny, resume=False)
    return tiny.output


@pytest.fixture(scope="session")
def weighed(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A copy of the model with tables, and what `locpipe weigh` said."""
    folder = tmp_path_factory.mktemp("weighed") / "model"
    shutil.copytree(model_folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("locpipe.pipeline.training.text.weigh.PICTURES", 6)
        return folder, CliRunner().invoke(weigh, [str(folder)])
