"""Measures how well a network classifies pictures."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ....stages.nets import Network
from ...evaluation.wsol import mean_average_precision
from .loss import Loss, error_of
from .shown import Shown

_BATCH = 100


@dataclass(frozen=True)
class ImagesQuality:
    """Scores of pictures (float32 [N, K]) beside the classes they show (`targets`, bool [N, K]).

    `error` is the mean of the loss of the training. With `multi_label` each class is decided for
    itself.
    """

    error: float
    scores: NDArray[np.float32]
    targets: NDArray[np.bool_]
    multi_label: bool

    @property
    def accuracy(self) -> float:
        """Share of pictures that are right; with several labels, share of decisions."""
        return float(np.mean(right(self.scores, self.targets, multi_label=self.multi_label)))

    @property
    def mean_average_precision(self) -> float:
        """Mean over the classes of the average precision of ranking pictures by their score."""
        scores = torch.from_numpy(self.scores)
        ranked = scores if self.multi_label else scores.log_softmax(dim=1)
        return mean_average_precision(ranked.numpy(), self.targets)

    def per_class(self) -> tuple[float, ...]:
        """Return for each class the share of its pictures that are recognised."""
        correct = right(self.scores, self.targets, multi_label=self.multi_label)
        of_class = correct if self.multi_label else np.repeat(correct, self.targets.shape[1], 1)
        return tuple(
            float(of_class[shows, label].mean()) if shows.any() else float("nan")
            for label, shows in enumerate(self.targets.T)
        )


def measure(
    network: Network, shown: Shown, loss: Loss, *, multi_label: bool, low: bool
) -> ImagesQuality:
    """Measure a network, in bfloat16 if `low`, and leave it in evaluation mode.

    If `shown` holds features, only the classifier runs.
    """
    network.eval()
    run = network.classifier if shown.are_features else network
    indices = torch.arange(len(shown.x)).split(_BATCH)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
        together = torch.cat([run(shown.batch(index)).float() for index in indices])
    error = float(error_of(together, shown.targets, loss, multi_label=multi_label))
    return ImagesQuality(error, together.numpy(), shown.targets.numpy(), multi_label)


def right(
    scores: NDArray[np.float32], targets: NDArray[np.bool_], *, multi_label: bool
) -> NDArray[np.bool_]:
    """Return which pictures are right [N, 1]; with several labels, which decisions [N, K]."""
    if multi_label:
        return np.asarray((scores > 0) == targets, np.bool_)
    best = scores.argmax(axis=1)[:, None]
    return np.take_along_axis(targets, best, axis=1)
