from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from locpipe.pipeline.training.scene_text.fonts import Face, Fonts, find_fonts
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import FontSettings, RenderSettings

WORDS = "a I of to in the and sign street open exit market parking receipt station cathedral"


@pytest.fixture(scope="session")
def font_folder() -> Path:
    """DejaVu and a few more come with matplotlib: the same on every machine."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf"


@pytest.fixture(scope="session")
def fonts(font_folder: Path) -> Fonts:
    return find_fonts(FontSettings(folders=(font_folder,)))


@pytest.fixture(scope="session")
def face(fonts: Fonts) -> Face:
    faces = [face for family in fonts.everyday for face in family]
    return next(face for face in faces if face.path.endswith("DejaVuSans.ttf"))


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(5)
    for number in range(7):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
        coarse.resize((300, 220)).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture(scope="session")
def settings(
    font_folder: Path, photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> RenderSettings:
    words = tmp_path_factory.mktemp("words") / "words"
    words.write_text("\n".join(WORDS.split()))
    return RenderSettings(
        width=256,
        height=224,
        words=words,
        backgrounds=(photographs,),
        fonts=FontSettings(folders=(font_folder,)),
    )


@pytest.fixture(scope="session")
def renderer(settings: RenderSettings) -> Renderer:
    return Renderer(settings)
