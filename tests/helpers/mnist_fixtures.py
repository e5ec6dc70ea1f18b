"""Real MNIST digits where there are some, a small copy of them, and digits drawn by OpenCV."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from locpipe.pipeline.training.digits.mnist import Digits, read_mnist


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """On tiny problems more threads only wait for each other."""
    torch.set_num_threads(1)


NAMES = {"train": "train", "test": "t10k"}


def write_idx(file: Path, values: NDArray[np.uint8]) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    file.write_bytes(head + values.tobytes())


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The folder of the complete MNIST."""
    default = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    folder = Path(os.environ.get("LOCPIPE_DATA", default)) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST at {folder}: set LOCPIPE_DATA to the folder that has mnist/")
    return folder


@pytest.fixture(scope="session")
def digits(mnist: Path) -> dict[str, Digits]:
    """Both parts of MNIST."""
    return {part: read_mnist(mnist, train=part == "train") for part in NAMES}


@pytest.fixture(scope="session")
def small_mnist(digits: dict[str, Digits], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 600 training and 200 test digits as uncompressed idx files."""
    folder = tmp_path_factory.mktemp("mnist")
    for part, count in (("train", 600), ("test", 200)):
        one = digits[part]
        write_idx(folder / f"{NAMES[part]}-images-idx3-ubyte", one.pictures[:count])
        write_idx(folder / f"{NAMES[part]}-labels-idx1-ubyte", one.labels[:count].astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def drawn() -> Digits:
    """Ten digits in a font of OpenCV, for tests that need no handwriting."""
    pictures = np.zeros((10, 28, 28), np.uint8)
    for digit, picture in enumerate(pictures):
        cv2.putText(picture, str(digit), (6, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return Digits(pictures, np.arange(10))
