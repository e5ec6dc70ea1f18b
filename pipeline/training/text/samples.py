"""Crops of rendered pictures, in an order that the seed fixes."""

import math
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from ...workers.signals import no_signals
from ..scene_text.render import Renderer
from ..scene_text.truth import RenderedWord, Rendering
from .config import CropConfig, TextTrainConfig
from .labels import label


@dataclass(frozen=True)
class Batch:
    """Crops (uint8 [N, side, side, 3]) and what their positions show.

    `classes` (uint8) and `weights` (float32) have a cell per 4 x 4 pixels, see
    `labels.PositionTruth`. These are no tensors: a process that is ended while it sends tensors
    aborts.
    """

    pictures: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, samples: Sequence[tuple[NDArray[np.uint8], Sequence[RenderedWord]]]) -> "Batch":
        """Return a batch of pictures uint8 [side, side, 3] with their words."""
        truths = [label(words, rgb.shape[1], rgb.shape[0]) for rgb, words in samples]
        return cls(
            np.stack([rgb for rgb, _ in samples]),
            np.stack([truth.classes for truth in truths]),
            np.stack([truth.weights for truth in truths]),
        )


def batches(config: TextTrainConfig, first: int) -> Iterator[Batch]:
    """Yield the batches of steps `first` to `config.steps`, rendered by worker processes.

    Raises:
        ConfigError: the renderer finds no fonts, words or backgrounds.
    """
    per_round = config.crops.per_picture
    rounds = _Rounds(config)
    loader = DataLoader(
        rounds,
        batch_size=None,
        sampler=range(first // per_round, len(rounds)),
        num_workers=config.workers,
        multiprocessing_context="spawn" if config.workers else None,
        worker_init_fn=_start_worker,
        # Else it draws from the random numbers that checkpoints keep.
        generator=torch.Generator(),
    )
    with no_signals():  # Ctrl-C reaches the whole group; only the training decides
        prepared = iter(loader)
    waiting = chain.from_iterable(prepared)
    yield from islice(waiting, first % per_round, first % per_round + max(0, config.steps - first))


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # Else a worker of a killed training waits for ever for someone to take its last batch.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class _Rounds(Dataset[list[Batch]]):
    """Round r: some pictures, one crop of each per batch, as many batches as crops per picture."""

    def __init__(self, config: TextTrainConfig) -> None:
        self.config = config
        self.renderer = Renderer(config.render)

    def __len__(self) -> int:
        return math.ceil(self.config.steps / self.config.crops.per_picture)

    def __getitem__(self, number: int) -> list[Batch]:
        config, size = self.config, self.config.batch_size
        random = np.random.default_rng([config.seed, number])
        pictures = [self.renderer.render(number * size + i) for i in range(size)]
        return [
            Batch.of([crop(one, config.crops, random) for one in pictures])
            for _ in range(config.crops.per_picture)
        ]


def crop(
    rendering: Rendering, config: CropConfig, random: Generator
) -> tuple[NDArray[np.uint8], tuple[RenderedWord, ...]]:
    """Return some part of a picture, uint8 [side, side, 3], and its words in its own frame."""
    height, width = rendering.rgb.shape[:2]
    zoom = np.exp(random.uniform(*np.log(config.zoom)))
    zoom = max(zoom, config.side / min(width, height))
    cut = config.side / zoom
    corner = random.uniform(0, (width - cut, height - cut))
    if rendering.words and random.random() < config.on_words:
        word = rendering.words[random.integers(len(rendering.words))]
        aim = word.polygon.mean(axis=0) - random.uniform(0.1, 0.9, 2) * cut
        corner = np.clip(aim, 0, (width - cut, height - cut))
    # OpenCV maps pixel centres; our frame starts at the outer corner of the first pixel.
    matrix = np.array([[1, 0, corner[0] - 0.5], [0, 1, corner[1] - 0.5]])
    matrix[:, :2] /= zoom
    matrix[:, 2] += 0.5 / zoom
    mode = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    side = (config.side, config.side)
    source = _softened(rendering.rgb, zoom)
    rgb = cv2.warpAffine(source, matrix, side, flags=mode, borderMode=cv2.BORDER_REPLICATE)
    words = tuple(moved(word, corner, zoom) for word in rendering.words)
    return _recoloured(np.asarray(rgb, np.uint8), random), words


def _softened(rgb: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """Blur before shrinking, as the pixels of a camera do."""
    if zoom > 0.9:
        return rgb
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.4 / zoom), np.uint8)


def moved(word: RenderedWord, corner: NDArray[np.float64], zoom: float) -> RenderedWord:
    """Return a word in the frame of a part that is cut at a corner (x, y) and enlarged."""
    quad, polygon = (
        ((points - corner) * zoom).astype(np.float32) for points in (word.quad, word.polygon)
    )
    return replace(word, quad=quad, polygon=polygon)


def _recoloured(rgb: NDArray[np.uint8], random: Generator) -> NDArray[np.uint8]:
    """Invert, swap channels or take the colour away at times, so that a second crop looks new."""
    kind = random.random()
    if kind < 0.15:
        rgb = 255 - rgb
    elif kind < 0.3:
        rgb = rgb[..., random.permutation(3)]
    elif kind < 0.4:
        rgb = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return np.ascontiguousarray(rgb)
