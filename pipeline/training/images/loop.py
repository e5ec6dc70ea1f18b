"""Trains on labelled pictures; a training can be resumed at the exact step."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ....stages.nets import Network, build
from ....stages.nets.backbones import build_backbone, weights_file
from ....stages.nets.pooling import with_head
from ....stages.precision import float32_only
from ...workers.signals import Stop
from ..checkpoint import Checkpoint, Record, tell_where
from ..curve import epoch_record
from ..watched import watched
from .config import ImagesTrainConfig
from .loss import error_of
from .measure import ImagesQuality, measure, right
from .shown import Shown

# A training may be resumed after a change of these keys.
_FREE = {"name", "output", "data", "validation", "weights", "epochs", "checkpoint_minutes"}


@dataclass(frozen=True)
class TrainedImages:
    """A network in evaluation mode, its quality on the validation, and a record for each epoch."""

    network: Network
    quality: ImagesQuality
    curve: list[Record]


def network_of(config: ImagesTrainConfig, classes: int) -> Network:
    """Return the network of a training before its first step.

    Raises:
        ModelError: there is no such network, or its weights do not fit.
    """
    torch.manual_seed(config.seed)
    if config.weights is None or config.head is None:
        network = build(config.network, classes)
    else:
        file = weights_file(config.architecture, config.weights)
        trunk = build_backbone(config.architecture, file, None)
        network = with_head(trunk, classes, config.head)
    network.features.requires_grad_(requires_grad=not config.freeze)
    # nn.Module.to accepts memory formats, but its type hints do not.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def train(
    config: ImagesTrainConfig, network: Network, parts: tuple[Shown, Shown], *, resume: bool
) -> TrainedImages:
    """Train as the config says. A killed and resumed training ends with the same weights.

    The network is that of `network_of`. It trains on the first of the parts, and is measured on the
    second one after every epoch. `resume` goes on from the checkpoint, if there is one.

    Raises:
        ConfigError: the checkpoint is damaged or of another training.
        OutputError: the output folder cannot be written.
        KeyboardInterrupt: a signal asked to stop; a checkpoint of the last whole step is kept.
    """
    torch.set_num_threads(config.threads)
    run = ImagesTraining(config, network, parts, resume=resume)
    stop = Stop()
    with stop.listening():
        total = run.steps * config.epochs
        tell_where(config.output, run.step, total, resume=resume)
        for index in watched(run.remaining(), "training", total, "steps", done=run.step):
            run.learn(index)
            if run.step % run.steps == 0:
                run.validate()
            last = run.step == total
            if last or stop.requested or run.checkpoint.is_due(config.checkpoint_minutes):
                run.checkpoint.save(run.curve)
            if stop.requested and not last:
                raise KeyboardInterrupt(stop.signal)
    return TrainedImages(network, run.measured(), run.curve)


class ImagesTraining:
    """Network, optimizer and curve of a training, and the step they are at."""

    def __init__(
        self,
        config: ImagesTrainConfig,
        network: Network,
        parts: tuple[Shown, Shown],
        *,
        resume: bool,
    ) -> None:
        self.config, self.network = config, network
        self.shown, self.others = parts
        self.size = min(config.batch_size, len(self.shown.x))
        self.steps = len(self.shown.x) // self.size
        learned = [one for one in network.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(
            learned, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.state = nn.ModuleDict({"network": network})
        # Steps done; sums of the error and of the share of right ones since the last validation.
        self.state.register_buffer("sums", torch.zeros(3, dtype=torch.float64))
        settings = config.model_dump(mode="json", exclude=_FREE)
        self.checkpoint = Checkpoint(config.output, self.state, self.optimizer, settings)
        self.curve = self.checkpoint.load(resume=resume)

    @property
    def sums(self) -> Tensor:
        """Steps done; sum of errors and of shares that were right in this epoch."""
        return self.state.get_buffer("sums")

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.sums[0])

    def remaining(self) -> Iterator[Tensor]:
        """Yield the indices of the pictures of each step that is left."""
        for epoch in range(self.step // self.steps, self.config.epochs):
            order = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
            batches = torch.randperm(len(self.shown.x), generator=order).split(self.size)
            yield from batches[self.step - epoch * self.steps : self.steps]

    def learn(self, index: Tensor) -> None:
        """Take a step."""
        options = self.config
        self.network.train()
        if options.freeze:
            self.network.features.eval()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        scores, targets = self._scores(index), self.shown.targets[index]
        error = error_of(scores, targets, options.loss, multi_label=options.multi_label)
        self.optimizer.zero_grad()
        error.backward()
        self.optimizer.step()
        hits = right(scores.detach().numpy(), targets.numpy(), multi_label=options.multi_label)
        self.sums.add_(torch.tensor([1, float(error.detach()), float(hits.mean())]))

    @property
    def low(self) -> bool:
        """Whether convolutions compute in bfloat16."""
        return self.config.precision == "bf16" and not float32_only()

    def measured(self) -> ImagesQuality:
        """Measure the network as it is."""
        loss, multi_label = self.config.loss, self.config.multi_label
        return measure(self.network, self.others, loss, multi_label=multi_label, low=self.low)

    def validate(self) -> None:
        """Measure the network and add it to the curve."""
        quality = self.measured()
        error, accuracy = (self.sums[1:] / self.steps).tolist()
        measured = (quality.error, quality.accuracy)
        self.curve.append(epoch_record(self.step // self.steps, (error, accuracy), measured))
        self.sums[1:] = 0

    def _scores(self, index: Tensor) -> Tensor:
        run = self.network.classifier if self.shown.are_features else self.network
        x = self.shown.batch(index, varied=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            scores: Tensor = run(x)
        return scores.float()

    def _learning_rate(self) -> float:
        rate = self.config.learning_rate
        if self.config.schedule == "constant":
            return rate
        return rate * 0.5 * (1 + math.cos(math.pi * self.step / (self.steps * self.config.epochs)))
