"""Trains the text network; resumable at the exact step. The averaged weights are shipped."""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ....stages.errors import ModelError
from ....stages.models.loading import find_model, load_network, read_card
from ....stages.nets import Network, build
from ....stages.nets.text import TextNet, TextSmall
from ....stages.precision import float32_only
from ...workers.signals import Stop
from ..checkpoint import Checkpoint, Record, tell_where
from ..curve import blank
from ..scene_text.fonts import require_fonttools
from ..watched import watched
from .config import TextTrainConfig
from .curve import write_curve
from .labels import CLASSES
from .loss import balanced_loss, taught_loss
from .narrow import narrowed
from .samples import Batch, batches
from .teaching import answered
from .validate import Rendered, as_input, head_of, measure, measure_real

# These must be the same in a resumed training; the pictures and the machine may change.
_SAME = {"kind", "architecture", "seed", "weight_decay", "ema", "warm_up", "precision"}
_CLIP = 5.0
_NARROWED_ON = 6  # batches
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedText:
    """The averaged network in evaluation mode, and its measurements by step."""

    network: Network
    curve: list[Record]


def train(
    config: TextTrainConfig,
    rendered: Rendered,
    *,
    resume: bool,
    keep: Callable[[TrainedText], None],
) -> TrainedText:
    """Train as the config says. A killed and resumed training ends with the same weights (CPU).

    `keep` is called with the present network after every validation on the `rendered` pictures.

    Raises:
        ConfigError: an extra, fonts, words or backgrounds are missing, or the checkpoint is of
            another training.
        ModelError: a teacher is missing, or knows other classes.
        OutputError: the output folder cannot be written.
        KeyboardInterrupt: a signal asked to stop. A checkpoint of the last whole step is kept;
            before the first step, the answers of the teachers are kept.
    """
    blank()
    require_fonttools()
    torch.set_num_threads(config.threads)
    run = TextTraining(config, untrained(config), resume=resume)
    tell_where(config.output, run.step, config.steps, resume=resume)
    return complete(run, rendered, keep=keep)


def untrained(config: TextTrainConfig) -> Network:
    """Return the network that the config names, with its first weights.

    Raises:
        ModelError: there is no such network or model, the network does not classify every fourth
            pixel, or the model to start from has another.
    """
    torch.manual_seed(config.seed)
    network = build(config.architecture, len(CLASSES))
    head_of(network)
    if config.start is not None:
        folder = find_model(config.start)
        _begin(network, folder, config)
    return network


def _begin(network: Network, folder: Path, config: TextTrainConfig) -> None:
    """Set the first weights of a network to those of a model; if that is wider, near them."""
    found, known = read_card(folder).architecture, load_network(folder)
    if found == config.architecture:
        network.load_state_dict(known.state_dict())
    elif isinstance(known, TextNet) and isinstance(network, TextSmall):
        few = config.model_copy(update={"steps": _NARROWED_ON, "workers": 0})
        first = batches(few, 0, answered(config))
        shown = [as_input(batch.pictures, torch.device("cpu")) for batch in first]
        narrowed(known, network, shown)
    else:
        msg = f"start: {folder} has the architecture {found}, not {config.architecture}; name a model that has it"
        raise ModelError(msg)


def complete(
    run: "TextTraining", rendered: Rendered, *, keep: Callable[[TrainedText], None]
) -> TrainedText:
    """Take the steps that are left; arguments and errors are those of `train`."""
    config, stop = run.config, Stop()
    photographs = answered(config)  # this may take an hour; a signal ends it at once
    with stop.listening():
        left = batches(config, run.step, photographs)
        for batch in watched(left, "training", config.steps, "steps", done=run.step):
            run.learn(batch)
            last = run.step == config.steps
            if run.step % config.validation.every == 0 or last:
                keep(run.validated(rendered))
            if last or stop.requested or run.checkpoint.is_due(config.checkpoint_minutes):
                run.checkpoint.save(run.curve)
            if stop.requested:
                raise KeyboardInterrupt(stop.signal)
    return run.trained()


class TextTraining:
    """Network, average, optimizer and curve of a training, and the step they are at."""

    def __init__(self, config: TextTrainConfig, network: Network, *, resume: bool) -> None:
        self.config = config
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(automatic if config.device == "auto" else config.device)
        self.network = network
        # nn.Module.to knows memory formats, its type hints do not.
        self.network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.network, avg_fn=self.averaged_with, use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.state = nn.ModuleDict({"network": self.network, "average": self.average})
        error = torch.zeros((), dtype=torch.float64, device=self.device)
        self.state.register_buffer("error", error)
        self.seconds = 0.0
        settings = config.model_dump(include=_SAME)
        self.checkpoint = Checkpoint(config.output, self.state, self.optimizer, settings)
        self.curve = self.checkpoint.load(resume=resume)

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.average.n_averaged)

    @property
    def error(self) -> Tensor:
        """Running mean of the training error."""
        return self.state.get_buffer("error")

    @property
    def averaged(self) -> Network:
        """The averaged network, which is shipped."""
        assert isinstance(self.average.module, Network)
        return self.average.module

    def learn(self, batch: Batch) -> None:
        """Take a step."""
        started = time.monotonic()
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate_now()
        x = as_input(batch.pictures, self.device)
        error = self.loss(x, self.answers(self.network, x), batch)
        self.optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.error.add_((error.detach() - self.error) * max(0.02, 1 / self.step))
        self.seconds += (time.monotonic() - started - self.seconds) * max(0.02, 1 / self.step)

    def answers(self, network: Network, x: Tensor) -> Tensor:
        """Return the logits of a network in the precision of this training, float32."""
        low = self.config.precision == "bf16" and not float32_only()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            logits: Tensor = network(x)
        return logits.float()

    def loss(self, x: Tensor, logits: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - see below
        """Return the error to learn from; a pupil of another network also needs the input `x`."""
        classes, weights = (
            torch.from_numpy(plane).to(self.device) for plane in (batch.classes, batch.weights)
        )
        known = len(classes) - len(batch.answers)
        total = balanced_loss(logits[:known], classes[:known], weights[:known])
        if len(batch.answers):
            answers = torch.from_numpy(batch.answers).to(self.device)
            total = total + taught_loss(logits[known:], answers, weights[known:])
        return total

    def validated(self, rendered: Rendered) -> TrainedText:
        """Measure the average, add it to the curve, write the curve."""
        self.average.eval()
        record: Record = {"step": self.step, "error": round(float(self.error), 4)}
        record |= measure(self.averaged, rendered) | {"rendered": rendered.sha256[:8]}
        options = self.config.validation
        if self.step % options.real_every == 0:
            given = options.real_pictures, record["threshold"]
            for folder in options.real:
                record[folder.name] = measure_real(self.averaged, folder, *given)
        self.curve.append(record)
        write_curve(self.config.output, self.curve)
        _log.info("%s, %.2f s per step", json.dumps(record), self.seconds)
        return self.trained()

    def trained(self) -> TrainedText:
        """Return the present average."""
        return TrainedText(self.averaged.eval(), self.curve)

    def learning_rate_now(self) -> float:
        """Return the learning rate of the next step."""
        config = self.config
        rise = min(1.0, (self.step + 1) / config.warm_up)
        left = config.steps - self.step
        fall = min(1.0, left / config.cool_down) if config.cool_down else 1.0
        return config.learning_rate * rise * fall / math.sqrt(1 + self.step / config.half_life)

    def averaged_with(self, average: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        """Return the average of weights after `count` steps, moved towards those of `now`."""
        # Early averages look back only over a tenth of the steps: the first weights would remain in
        # them.
        rate = max(1 - self.config.ema, 1 / (1 + int(count) / 10))
        if not average.is_floating_point():
            return now
        return torch.lerp(average, now, rate)
