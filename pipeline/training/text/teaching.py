"""Photographs without truth: teachers say where text is, and a training learns from them.

The teachers see each photograph once, enlarged and whole. Their mean answer is stored in files
beside the training. So a network that sees photographs smaller, or costs less, learns the best
answers of others (Hinton et al. 2015, distillation; Xie et al. 2020, noisy student).
"""

import hashlib
import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from ....stages.engines.limits import computing_with
from ....stages.errors import ConfigError, ImageError, ModelError
from ....stages.infer import infer
from ....stages.load import load
from ....stages.models.loading import Model, find_model, load_model
from ...output.atomic import write_whole
from ..scene_text.backgrounds import find_photographs
from ..watched import watched
from .config import CropConfig, TextTrainConfig
from .crops import cut_out, recoloured, zoomed
from .labels import CLASSES, GAP, STRIDE, TEXT, shares

ANSWERS_FOLDER = "answers"
"""Folder in a training with the answers of the teachers for each photograph."""
_TRUTH = (".txt", ".json", ".xml", ".csv", ".gt")
_LARGEST = 1.1e6  # most pixels of a photograph in training
_ENLARGED, _MOST = 2e6, 1.5  # pixels that teachers see, and the largest enlargement
_SURE = 0.5
_SHRINKING = 1.3  # cells of an answer per cell of a crop; above this it is blurred first
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaughtCrop:
    """Part of a photograph, and the teachers' answers for its positions.

    Attributes:
        rgb: uint8 [side, side, 3].
        answers: float32 [K, h, w], the probability of each class, with a cell per 4 x 4 pixels.
        weights: float32 [h, w], how much a position of a core or gap counts, see `labels.shares`.
    """

    rgb: NDArray[np.uint8]
    answers: NDArray[np.float32]
    weights: NDArray[np.float32]


def answered(config: TextTrainConfig) -> tuple[Path, ...]:
    """Return the files of the photographs with their answers; missing files are made.

    Raises:
        ConfigError: a folder has no photographs, or there are no teachers.
        ModelError: a teacher is missing, or knows other classes.
        OutputError: the folder of the training cannot be written.
    """
    if not config.unlabelled:
        return ()
    if not config.teachers:
        msg = "teachers: none is named; give a model, such as teachers=[text-large]"
        raise ConfigError(msg)
    photographs = find_photographs("unlabelled", config.unlabelled, 0)
    for folder in config.unlabelled:
        beside = sum(1 for file in folder.iterdir() if file.suffix.lower() in _TRUTH)
        if beside:
            _log.info("unlabelled: %d files of %s that may be truth are not read", beside, folder)
    teachers = [_teacher(name) for name in config.teachers]
    known = "".join(model.sha256 for model in teachers).encode()
    found = []
    for photograph in watched(photographs, "teaching", len(photographs)):
        name = hashlib.sha256(known + photograph.read_bytes()).hexdigest()[:32]
        file = config.output / ANSWERS_FOLDER / f"{name}.npz"
        try:
            if not file.is_file():
                write_whole(file, _answer(teachers, photograph))
        except ImageError as error:
            _log.warning("unlabelled: %s; it is left out", error)
            continue
        found.append(file)
    return tuple(found)


def _teacher(name: str) -> Model:
    folder = find_model(name)
    model = load_model(folder)
    if model.card.classes != CLASSES:
        msg = f"teachers: {folder} knows the classes {', '.join(model.card.classes)}, not {', '.join(CLASSES)}; name a model of text"
        raise ModelError(msg)
    return model


def _answer(teachers: Sequence[Model], photograph: Path) -> bytes:
    """Return a photograph, its answers float16 [K, h, w] and how much it was enlarged, as .npz."""
    rgb = load(photograph).rgb
    shrunk = min(1.0, math.sqrt(_LARGEST / (rgb.shape[0] * rgb.shape[1])))
    if shrunk < 1:
        rgb = np.asarray(cv2.resize(rgb, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA))
    scale = min(_MOST, math.sqrt(_ENLARGED / (rgb.shape[0] * rgb.shape[1])))
    said = np.mean([_probabilities(one, rgb.astype(np.uint8), scale) for one in teachers], axis=0)
    content = io.BytesIO()
    np.savez(content, rgb=rgb, answers=said.astype(np.float16), scale=scale)
    return content.getvalue()


def _probabilities(model: Model, rgb: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    with computing_with(1), torch.inference_mode():
        maps = infer(model, rgb, scale=scale, padding="zeros", engine="auto").maps
        logits = model.network.classifier(torch.from_numpy(np.ascontiguousarray(maps))[None])
    return np.asarray(logits.softmax(dim=1)[0], np.float32)


@lru_cache(maxsize=512)
def _opened(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.float16], float]:
    with np.load(file) as stored:
        return stored["rgb"], stored["answers"], float(stored["scale"])


def taught_crop(file: Path, config: CropConfig, random: Generator) -> TaughtCrop:
    """Return a random crop of a photograph from `answered`, with the answers for its positions."""
    rgb, answers, scale = _opened(file)
    height, width = rgb.shape[:2]
    zoom = zoomed(height, width, config.side, config.zoom, random)
    free = np.maximum(0, np.array([width, height]) - config.side / zoom)
    corner = random.uniform(0, 1, 2) * free
    rows, columns = np.nonzero(answers[TEXT] > _SURE)
    if len(rows) and random.random() < config.on_words:
        chosen = random.integers(len(rows))
        at = (np.array([columns[chosen], rows[chosen]]) + 0.5) * STRIDE / scale
        corner = np.clip(at - random.uniform(0.1, 0.9, 2) * config.side / zoom, 0, free)
    said = _said(answers, corner * scale / STRIDE, scale / zoom, config.side // STRIDE)
    shown = recoloured(_worn(cut_out(rgb, corner, zoom, config.side), random), random)
    return TaughtCrop(shown, said, _weights(said))


def _said(
    answers: NDArray[np.float16], corner: NDArray[np.float64], step: float, side: int
) -> NDArray[np.float32]:
    """Return answers [K, side, side] from a corner (x, y) in cells on, `step` cells apart."""
    planes = np.moveaxis(answers, 0, -1).astype(np.float32)
    if step > _SHRINKING:
        planes = np.asarray(cv2.GaussianBlur(planes, (0, 0), 0.3 * step), np.float32)
    matrix = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    matrix[:, 2] += step / 2 - 0.5
    mode, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    cut = cv2.warpAffine(planes, matrix, (side, side), flags=mode, borderMode=border)
    return np.ascontiguousarray(np.moveaxis(np.asarray(cut, np.float32), -1, 0))


def _worn(rgb: NDArray[np.uint8], random: Generator) -> NDArray[np.uint8]:
    """Darken, compress or blur some crops: the pupil learns to cope with what teachers do not see."""
    if random.random() < 0.35:
        levels = 255 * np.linspace(0, 1, 256) ** random.uniform(0.6, 1.6)
        rgb = np.asarray(cv2.LUT(rgb, levels.astype(np.uint8)), np.uint8)
    if random.random() < 0.25:
        quality = cv2.IMWRITE_JPEG_QUALITY, int(random.uniform(30, 90))
        rgb = np.asarray(cv2.imdecode(cv2.imencode(".jpg", rgb, quality)[1], cv2.IMREAD_COLOR))
    if random.random() < 0.2:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), random.uniform(0.4, 1.1)))
    return rgb.astype(np.uint8, copy=False)


def _weights(answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weights of positions by their words, which are the connected cores."""
    core, gap = answers[TEXT] > _SURE, answers[GAP] > _SURE
    owner = np.asarray(ndimage.label(core)[0], np.int32)
    nearest = ndimage.distance_transform_edt(
        owner == 0, return_distances=False, return_indices=True
    )
    around = owner[tuple(nearest)]
    return shares((core, owner), (gap, around))
