"""Labelled pictures from folders, a CSV file or MNIST; decoded once and kept as bytes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ....stages.errors import ConfigError
from ....stages.load import load
from ...sources.pictures import EXTENSIONS
from ..digits.mnist import CLASSES, read_mnist
from ..watched import watched
from .config import ImagesTrainConfig

_HELD_OUT = 5
_COLUMNS = ("file", "labels")


@dataclass(frozen=True)
class Labelled:
    """Picture files, the names of the classes that each shows, and all names in index order."""

    files: tuple[Path, ...]
    labels: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Samples:
    """Pictures uint8 [N, C, size, size] as a network is shown them, not yet varied or normalised.

    `targets` (bool [N, K]) are the classes that each shows, `classes` the names of the K classes.
    """

    pictures: NDArray[np.uint8]
    targets: NDArray[np.bool_]
    classes: tuple[str, ...]

    def part(self, index: NDArray[np.bool_]) -> "Samples":
        """Return the samples that a mask `index` (bool [N]) selects."""
        return Samples(self.pictures[index], self.targets[index], self.classes)


def read_samples(config: ImagesTrainConfig) -> tuple[Samples, Samples]:
    """Return the samples to train on and those to measure on.

    Raises:
        ConfigError: the data is missing, a class has no pictures, or there is only one class.
        ImageError: a picture cannot be read.
    """
    if _is_mnist(config.data):
        return _digits(config, train=True), _digits(config, train=False)
    listed = list_labelled(config.data, multi_label=config.multi_label)
    samples = _decoded(listed, listed.classes, config)
    if config.validation is None:
        kept_out = _every_fifth(samples.targets)
        missing = np.flatnonzero(~samples.targets[~kept_out].any(axis=0))
        if len(missing):
            msg = (
                f"{config.data}: every fifth picture is kept out, which leaves none of class "
                f"{listed.classes[missing[0]]!r}; add some, or give a validation of its own"
            )
            raise ConfigError(msg)
        return samples.part(~kept_out), samples.part(kept_out)
    others = list_labelled(config.validation, multi_label=config.multi_label)
    unknown = sorted(set(others.classes) - set(listed.classes))
    if unknown:
        msg = f"{config.validation}: {config.data} has no class {unknown[0]!r}; give both the same"
        raise ConfigError(msg)
    return samples, _decoded(others, listed.classes, config)


def list_labelled(source: Path, *, multi_label: bool) -> Labelled:
    """Return the pictures of a folder of folders, or of a CSV file, sorted by name in each class.

    Raises:
        ConfigError: there is no such source, a class has no pictures, a line is wrong, or there
            is only one class (with `multi_label`, none).
    """
    listed = _list_csv(source) if source.suffix.lower() == ".csv" else _list_folders(source)
    if not multi_label:
        wrong = [file for file, of in zip(listed.files, listed.labels, strict=True) if len(of) != 1]
        if wrong:
            msg = f"{source}: {wrong[0]} has not exactly one label; set multi_label: true"
            raise ConfigError(msg)
    least = 1 if multi_label else 2
    if len(listed.classes) < least:
        found = ", ".join(listed.classes) or "none"
        msg = (
            f"{source}: {least} class{'es are' if least > 1 else ' is'} needed, it has {found}; "
            "add a class of pictures that show none of it"
        )
        raise ConfigError(msg)
    return listed


def squared(
    rgb: NDArray[np.uint8], size: int, fit: Literal["stretch", "crop"], channels: int
) -> NDArray[np.uint8]:
    """Return a picture uint8 [H, W, 3] as [channels, size, size]."""
    if fit == "crop":
        height, width = rgb.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        rgb = rgb[top : top + side, left : left + side]
    picture: NDArray[np.uint8] = np.asarray(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] if channels == 1 else rgb, np.uint8
    )
    mode = cv2.INTER_AREA if min(rgb.shape[:2]) > size else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(picture, (size, size), interpolation=mode), np.uint8)
    return np.moveaxis(resized.reshape(size, size, channels), -1, 0)


def _list_folders(source: Path) -> Labelled:
    if not source.is_dir():
        msg = f"{source}: no such folder; give one with a folder of pictures for each class"
        raise ConfigError(msg)
    classes = tuple(sorted(folder.name for folder in source.iterdir() if folder.is_dir()))
    files: list[Path] = []
    labels: list[tuple[str, ...]] = []
    for name in classes:
        found = sorted(f for f in (source / name).rglob("*") if f.suffix.lower() in EXTENSIONS)
        if not found:
            msg = f"{source / name}: no pictures of this class; add some, or remove the folder"
            raise ConfigError(msg)
        files += found
        labels += [(name,)] * len(found)
    return Labelled(tuple(files), tuple(labels), classes)


def _list_csv(source: Path) -> Labelled:
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{source}: cannot be read ({error}); give a CSV file in UTF-8"
        raise ConfigError(msg) from error
    if not rows or any(row.get(column) is None for row in rows for column in _COLUMNS):
        msg = (
            f"{source}: needs the columns file and labels in its first line, and a value for each; "
            "add what is missing"
        )
        raise ConfigError(msg)
    files = tuple(source.parent / row["file"] for row in rows)
    labels = tuple(
        tuple(name.strip() for name in row["labels"].split(";") if name.strip()) for row in rows
    )
    return Labelled(files, labels, tuple(sorted({name for names in labels for name in names})))


def _decoded(listed: Labelled, classes: Sequence[str], config: ImagesTrainConfig) -> Samples:
    channels = len(config.mean)
    pictures = np.empty((len(listed.files), channels, config.size, config.size), np.uint8)
    targets = np.zeros((len(listed.files), len(classes)), np.bool_)
    shown = watched(listed.files, "reading", len(listed.files))
    for index, file in enumerate(shown):
        pictures[index] = squared(load(file).rgb, config.size, config.fit, channels)
        targets[index, [classes.index(name) for name in listed.labels[index]]] = True
    return Samples(pictures, targets, tuple(classes))


def _every_fifth(targets: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of N pictures [N, K] to keep out: every fifth of those of each first class."""
    first = np.where(targets.any(axis=1), targets.argmax(axis=1), -1)
    rank = np.empty(len(first), np.int64)
    for label in np.unique(first):
        rank[first == label] = np.arange(np.count_nonzero(first == label))
    return np.asarray(rank % _HELD_OUT == 0, np.bool_)


def _is_mnist(source: Path) -> bool:
    return (source.name == "mnist" and not source.exists()) or bool(
        list(source.glob("train-images-idx3-ubyte*"))
    )


def _digits(config: ImagesTrainConfig, *, train: bool) -> Samples:
    digits = read_mnist(config.data if config.data.is_dir() else None, train=train)
    shape = len(config.mean), config.size
    if shape != (1, digits.pictures.shape[1]):
        msg = f"MNIST has 1 channel and 28 pixels per side, the config {shape}; set size, mean and std"
        raise ConfigError(msg)
    return Samples(digits.pictures[:, None], np.eye(10, dtype=np.bool_)[digits.labels], CLASSES)
