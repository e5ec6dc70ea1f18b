"""Crops of rendered pictures, in an order that the seed fixes."""

import math
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

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
from .crops import cut_out, recoloured, zoomed
from .labels import CLASSES, IGNORED, STRIDE, label
from .teaching import TaughtCrop, taught_crop


@dataclass(frozen=True)
class Batch:
    """Crops (uint8 [N, side, side, 3]) and the truth of their positions.

    `classes` (uint8) and `weights` (float32) have a cell per 4 x 4 pixels, see
    `labels.PositionTruth`. The truth of the last M crops is unknown: all their classes are IGNORED,
    and `answers` (float32 [M, K, h, w]) are those of teachers. These are arrays, not tensors: a
    process that is ended while it sends tensors aborts.
    """

    pictures: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    weights: NDArray[np.float32]
    answers: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        samples: Sequence[tuple[NDArray[np.uint8], Sequence[RenderedWord]]],
        taught: Sequence[TaughtCrop] = (),
    ) -> "Batch":
        """Return a batch of pictures uint8 [side, side, 3] with their words, and of taught ones."""
        truths = [label(words, rgb.shape[1], rgb.shape[0]) for rgb, words in samples]
        side = (taught[0].rgb if taught else samples[0][0]).shape[0] // STRIDE
        unknown = np.full((side, side), IGNORED, np.uint8)
        answers = [one.answers for one in taught]
        return cls(
            np.stack([*(rgb for rgb, _ in samples), *(one.rgb for one in taught)]),
            np.stack([*(truth.classes for truth in truths), *(unknown for _ in taught)]),
            np.stack([*(truth.weights for truth in truths), *(one.weights for one in taught)]),
            np.stack(answers) if answers else np.empty((0, len(CLASSES), side, side), np.float32),
        )


def batches(
    config: TextTrainConfig, first: int, photographs: Sequence[Path] = ()
) -> Iterator[Batch]:
    """Yield the batches of steps `first` to `config.steps`, rendered by worker processes.

    `photographs` are the result of `answered`. Their crops are the last in each batch.

    Raises:
        ConfigError: the renderer finds no fonts, words or backgrounds.
    """
    per_round = config.crops.per_picture
    rounds = _Rounds(config, photographs)
    loader = DataLoader(
        rounds,
        batch_size=None,
        sampler=range(first // per_round, len(rounds)),
        num_workers=config.workers,
        multiprocessing_context="spawn" if config.workers else None,
        worker_init_fn=_start_worker,
        # Otherwise it would use the random state that checkpoints store.
        generator=torch.Generator(),
    )
    with no_signals():  # Ctrl-C reaches the whole process group, but only the training decides
        prepared = iter(loader)
    waiting = chain.from_iterable(prepared)
    yield from islice(waiting, first % per_round, first % per_round + max(0, config.steps - first))


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # Otherwise a worker of a killed training waits for ever with its last batch.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class _Rounds(Dataset[list[Batch]]):
    """Round r: some pictures, one crop of each per batch, as many batches as crops per picture."""

    def __init__(self, config: TextTrainConfig, photographs: Sequence[Path]) -> None:
        self.config = config
        self.photographs = photographs
        self.renderer = Renderer(config.render)

    def __len__(self) -> int:
        return math.ceil(self.config.steps / self.config.crops.per_picture)

    def __getitem__(self, number: int) -> list[Batch]:
        config, size = self.config, self.config.batch_size
        taught = round(config.taught * size) if self.photographs else 0
        random = np.random.default_rng([config.seed, number])
        pictures = [self.renderer.render(number * size + i) for i in range(size - taught)]
        found = []
        for _ in range(config.crops.per_picture):
            crops = [crop(one, config.crops, random) for one in pictures]
            chosen = random.integers(len(self.photographs), size=taught) if taught else ()
            shown = (self.photographs[int(index)] for index in chosen)
            seen = [taught_crop(one, config.crops, random) for one in shown]
            found.append(Batch.of(crops, seen))
        return found


def crop(
    rendering: Rendering, config: CropConfig, random: Generator
) -> tuple[NDArray[np.uint8], tuple[RenderedWord, ...]]:
    """Return a random crop of a picture, uint8 [side, side, 3], and the words in its frame."""
    height, width = rendering.rgb.shape[:2]
    zoom = zoomed(height, width, config.side, config.zoom, random)
    cut = config.side / zoom
    corner = random.uniform(0, (width - cut, height - cut))
    if rendering.words and random.random() < config.on_words:
        word = rendering.words[random.integers(len(rendering.words))]
        aim = word.polygon.mean(axis=0) - random.uniform(0.1, 0.9, 2) * cut
        corner = np.clip(aim, 0, (width - cut, height - cut))
    rgb = cut_out(rendering.rgb, corner, zoom, config.side)
    words = tuple(moved(word, corner, zoom) for word in rendering.words)
    return recoloured(rgb, random), words


def moved(word: RenderedWord, corner: NDArray[np.float64], zoom: float) -> RenderedWord:
    """Return a word in the frame of a part that is cut at a corner (x, y) and enlarged."""
    quad, polygon = (
        ((points - corner) * zoom).astype(np.float32) for points in (word.quad, word.polygon)
    )
    return replace(word, quad=quad, polygon=polygon)
