"""Drawn pictures of two or three classes, and trainings of a second or two on them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.pipeline.training.images.config import ImagesTrainConfig

SIDE = 24
COLOURS = {"blue": (40, 80, 255), "green": (60, 200, 60), "red": (255, 60, 40)}


def picture(random: np.random.Generator, *shown: str) -> NDArray[np.uint8]:
    """Grey noise with a disc somewhere for each class that is shown, uint8 [SIDE + 6, SIDE, 3]."""
    rgb = random.integers(90, 130, (SIDE + 6, SIDE, 3)).astype(np.uint8)
    for name in shown:
        x, y = (int(v) for v in random.integers(6, SIDE - 6, 2))
        cv2.circle(rgb, (x, y), 4, COLOURS[name], -1)
    return rgb


def write(file: Path, rgb: NDArray[np.uint8]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), rgb[..., ::-1])


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of two classes, twenty pictures each."""
    folder, random = tmp_path_factory.mktemp("labelled"), np.random.default_rng(1)
    for name in ("blue", "red"):
        for index in range(20):
            write(folder / name / f"{index:02}.png", picture(random, name))
    return folder


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of pictures that show none to all of three classes."""
    folder, random = tmp_path_factory.mktemp("listed"), np.random.default_rng(2)
    lines = ["file,labels"]
    for index in range(40):
        shown = [name for bit, name in enumerate(COLOURS) if index >> bit & 1]
        write(folder / "pictures" / f"{index:02}.png", picture(random, *shown))
        lines.append(f"pictures/{index:02}.png,{';'.join(shown)}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder / "labels.csv"


@pytest.fixture
def tiny(folders: Path, tmp_path: Path) -> ImagesTrainConfig:
    return ImagesTrainConfig(
        kind="images",
        name="tiny",
        output=tmp_path / "model",
        data=folders,
        architecture="tutorial-gap",
        head="lse(beta=5)",
        size=SIDE,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        epochs=3,
        batch_size=8,
        learning_rate=3e-3,
        checkpoint_minutes=60,
    )
