"""Training a classifier of digits as the AdGAP paper does."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ....stages.nets import Network, build
from ..checkpoint import Checkpoint, Record, require_room, tell_where
from ..curve import blank, epoch_record, write_curve
from ..watched import watched
from .config import DigitsTrainConfig
from .mnist import CLASSES, Digits, read_mnist

# A training may be resumed after a change of these keys.
_FREE = {"name", "output", "data", "epochs"}


@dataclass(frozen=True)
class DigitsQuality:
    """How well a network classifies N samples.

    `error` is the mean negative log-likelihood. `correct` (bool [N]) says which samples it gets
    right, `labels` (int64 [N]) their classes.
    """

    error: float
    correct: NDArray[np.bool_]
    labels: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of samples classified right."""
        return float(self.correct.mean())

    def per_class(self) -> tuple[float, ...]:
        """Return the accuracy on the samples of each class."""
        return tuple(
            float(self.correct[self.labels == label].mean()) for label in range(len(CLASSES))
        )


@dataclass(frozen=True)
class TrainedDigits:
    """A network in evaluation mode, its quality on the test part, and a record for each epoch."""

    network: Network
    quality: DigitsQuality
    curve: list[Record]


def train(config: DigitsTrainConfig, *, resume: bool) -> TrainedDigits:
    """Train as the config says, with a checkpoint after every epoch.

    A training that is killed and resumed ends with the weights of one that was not killed.

    Raises:
        ConfigError: the data is missing, or the output folder holds another training.
        OutputError: the output folder cannot be written.
    """
    blank()
    require_room(config.output, resume=resume)
    data = {part: read_mnist(config.data, train=part == "train") for part in ("train", "test")}
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    network = build(config.architecture, len(CLASSES))
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    settings = config.model_dump(exclude=_FREE)
    checkpoint = Checkpoint(config.output, network, optimizer, settings)
    curve = checkpoint.load(resume=resume)
    tell_where(config.output, len(curve), config.epochs, "epochs", resume=resume)
    quality = None
    for epoch in range(len(curve) + 1, config.epochs + 1):
        shown = _one_epoch(network, optimizer, data["train"], config, epoch)
        quality = measure(network, data["test"])
        parts = ((part.error, part.accuracy) for part in (shown, quality))
        curve.append(epoch_record(epoch, *parts))
        checkpoint.save(curve)
    write_curve(config.output, curve)
    return TrainedDigits(network, quality or measure(network, data["test"]), curve)


def measure(network: Network, digits: Digits) -> DigitsQuality:
    """Return how well a network classifies; leaves it in evaluation mode."""
    network.eval()
    chosen, total = [], 0.0
    with torch.inference_mode():
        for index in torch.arange(len(digits.labels)).split(1000):
            pictures, labels = batch(digits, index)
            logits = network(pictures)
            total += float(functional.cross_entropy(logits, labels, reduction="sum"))
            chosen.append(logits.argmax(dim=1).numpy())
    correct = np.concatenate(chosen) == digits.labels
    return DigitsQuality(total / len(correct), correct, digits.labels)


def batch(digits: Digits, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the samples at `index`: pictures float32 [N, 1, 28, 28] in 0..1, labels int64 [N]."""
    pictures = torch.from_numpy(digits.pictures[index.numpy()])[:, None]
    return pictures.float() * (1 / 255), torch.from_numpy(digits.labels[index.numpy()])


def _one_epoch(
    network: Network,
    optimizer: torch.optim.Optimizer,
    digits: Digits,
    config: DigitsTrainConfig,
    epoch: int,
) -> DigitsQuality:
    """Train for an epoch; return error and hits on its samples, measured before each step."""
    network.train()
    order = order_of(len(digits.labels), config.batches * config.batch_size)
    batches = order.split(config.batch_size)
    first = (epoch - 1) * config.batches
    total, chosen = 0.0, []
    label = f"epoch {epoch}/{config.epochs}"
    for step, index in enumerate(watched(batches, label, len(batches), "steps"), first):
        pictures, labels = batch(digits, index)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate / (1 + config.decay * step)
        optimizer.zero_grad()
        logits = network(pictures)
        error = functional.cross_entropy(logits, labels)
        error.backward()
        optimizer.step()
        total += float(error.detach()) * len(labels)
        chosen.append(logits.detach().argmax(dim=1).numpy())
    shown = digits.labels[order.numpy()]
    return DigitsQuality(total / len(shown), np.concatenate(chosen) == shown, shown)


def order_of(samples: int, wanted: int) -> torch.Tensor:
    """Return int64 [wanted]: every sample once in random order, then again in another order."""
    rounds = -(-wanted // samples)
    return torch.cat([torch.randperm(samples) for _ in range(rounds)])[:wanted]
