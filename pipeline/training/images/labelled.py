"""Pictures in folders, one folder per class, and which classes of a model these are."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ....stages.errors import ConfigError, ImageError, ModelError
from ....stages.infer import normalized
from ....stages.load import load
from ....stages.models.card import InputSpec, ModelCard
from ...sources.pictures import EXTENSIONS
from ..watched import watched

log = logging.getLogger(__name__)

_BATCH = 16
# Side of the middle as a share of the picture's shorter side: the test protocol of ImageNet.
_MIDDLE = 0.875


class Sample(NamedTuple):
    """A picture of a class."""

    path: Path
    label: int


def find_samples(folder: Path, card: ModelCard) -> list[Sample]:
    """Return the pictures of a folder with the index of their class in a model.

    Every sub-folder is a class, named by the class's name, id (n02389026) or index in the model.
    With other names, there must be one folder per class, in the order of the model's classes.
    Without sub-folders, the name of a picture starts with its class and an underscore:
    n02389026_1234.jpg.

    Raises:
        ConfigError: the folder is missing, a class is empty or unknown, or there is but one.
    """
    if not folder.is_dir():
        msg = f"{folder}: no such folder; give one with a folder of pictures for each class"
        raise ConfigError(msg)
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    found = {path.name: sorted(filter(_is_picture, path.rglob("*"))) for path in classes}
    found = found or _by_name(folder)
    labels = _labels(list(found), card, folder)
    if len(set(labels.values())) < 2:
        msg = f"{folder}: pictures of {len(labels)} classes; weighing compares at least two"
        raise ConfigError(msg)
    for name, pictures in found.items():
        if not pictures:
            msg = f"{folder / name}: no picture in the folder of this class; add some or remove it"
            raise ConfigError(msg)
    return [Sample(path, labels[name]) for name, paths in found.items() for path in paths]


def batches(
    samples: Sequence[Sample], spec: InputSpec
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield pictures float32 [N, C, H, W] as a network wants them, and labels int64 [N].

    The network sees the middle of each picture, at the size of the training. Broken pictures are
    left out, with a warning.

    Raises:
        ConfigError: all pictures of a class are broken.
    """
    left = Counter(sample.label for sample in samples)
    stream = watched(samples, "weighing", len(samples))
    while some := tuple(islice(stream, _BATCH)):
        shown, labels = [], []
        for path, label in some:
            try:
                shown.append(_middle(load(path).rgb, spec))
                labels.append(label)
            except ImageError as error:
                log.warning("left out: %s", error)
                left[label] -= 1
                if not left[label]:
                    msg = f"{path.parent}: no picture of this class can be read; add some, or remove the folder"
                    raise ConfigError(msg) from error
        if shown:
            yield torch.from_numpy(normalized(np.stack(shown), spec)), torch.tensor(labels)


def _by_name(folder: Path) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in sorted(filter(_is_picture, folder.iterdir())):
        found[path.stem.partition("_")[0]].append(path)
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def _labels(names: Sequence[str], card: ModelCard, folder: Path) -> dict[str, int]:
    found = {name: _label(name, card) for name in names}
    unknown = [name for name, label in found.items() if label is None]
    if unknown and len(unknown) == len(names) == len(card.classes):
        return {name: label for label, name in enumerate(names)}
    if unknown:
        near = get_close_matches(unknown[0], card.classes) or card.classes[:10]
        msg = (
            f"{folder / unknown[0]}: model {card.name} knows no such class; name the folder by one "
            f"of its {len(card.classes)} classes: {', '.join(near)}, …"
        )
        raise ConfigError(msg)
    return {name: label for name, label in found.items() if label is not None}


def _label(name: str, card: ModelCard) -> int | None:
    for wanted in (name, name.replace("_", " "), name.partition("_")[0]):
        try:
            return card.members(wanted)[0]
        except ModelError:
            pass
    return int(name) if name.isdecimal() and int(name) < len(card.classes) else None


def _middle(rgb: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Return the middle of a picture at training size, uint8 [h, w, C]."""
    height, width = rgb.shape[:2]
    scale = max(spec.height / height, spec.width / width) / _MIDDLE
    size = (max(spec.width, round(width * scale)), max(spec.height, round(height * scale)))
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(rgb, size, interpolation=mode))
    top, left = (size[1] - spec.height) // 2, (size[0] - spec.width) // 2
    middle = resized[top : top + spec.height, left : left + spec.width]
    if spec.channels == 1:
        middle = np.asarray(cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY))[..., None]
    return np.ascontiguousarray(middle, np.uint8)
