"""`locpipe train`, `weigh` and `calibrate`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from ..configfile import CONFIGS, Assignment, find_config, parse_assignment, read_settings

if TYPE_CHECKING:
    from ...stages.model import ModelCard

__all__ = ["calibrate", "train", "weigh"]

_INTERRUPTED = 130


@click.command(
    epilog="Example: locpipe train configs/train/digits.yaml --set seed=2 --output out/digits2"
)
@click.argument("config")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="K=V",
    help="Override a value of the config; may be given several times.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the model."
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, if there is one.")
def train(config: str, assignments: tuple[str, ...], output: Path | None, *, resume: bool) -> None:
    """Train a classifier as CONFIG says and write it as a model folder.

    CONFIG is a file, or the name of a shipped one such as digits. After every epoch a checkpoint
    is kept; a training that was stopped goes on with --resume as if it never had been. Prints the
    accuracy on the test samples of each class. What comes next is `locpipe weigh`.
    """
    path = find_config(config, CONFIGS / "train")
    given = [parse_assignment(text) for text in assignments]
    if output is not None:
        given.append(Assignment(("output",), str(output), f"--output {output}"))
    train_it = _train_text if _kind(path) == "text" else _train_digits
    try:
        report = train_it(path, given, resume=resume)
    except KeyboardInterrupt:
        again = shlex.join(sys.argv[1:] if resume else [*sys.argv[1:], "--resume"])
        click.echo(f"stopped; what was done is kept, go on with: locpipe {again}", err=True)
        sys.exit(_INTERRUPTED)
    click.echo(report)


@click.command(epilog="Example: locpipe weigh out/models/digits --data ../shared/data/mnist")
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The four idx files of MNIST; else $LOCPIPE_DATA/mnist, else a download.",
)
def weigh(model: str, data: Path | None) -> None:
    """Measure the AdGAP weights of MODEL, a name or a folder, on the MNIST training digits.

    Writes the tables into the model and prints how much the error of each class grows when each
    filter is blocked. Drops the calibrations, which belong to the old tables: what comes next is
    `locpipe calibrate`.
    """
    from .weighing import weigh_model  # noqa: PLC0415 - start-up time

    click.echo(weigh_model(model, data))


@click.command(
    epilog="Example: locpipe calibrate digits --config configs/text.yaml --all "
    "--backgrounds photographs --data ../shared/data/mnist"
)
@click.argument("model")
@click.option(
    "--config",
    "configs",
    multiple=True,
    required=True,
    metavar="CONFIG",
    help="A config of `locpipe run` whose maps are to be calibrated; may be given several times.",
)
@click.option("--all", "every_kind", is_flag=True, help="For all six kinds of weights.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The four idx files of MNIST; else $LOCPIPE_DATA/mnist, else a download.",
)
@click.option(
    "--backgrounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Photographs without text; every fifth by name is left alone, for measuring. "
    "Without them photographs light up more often.",
)
@click.option("--canvases", "count", type=click.IntRange(min=3), default=96, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def calibrate(
    model: str,
    configs: tuple[str, ...],
    data: Path | None,
    backgrounds: Path | None,
    count: int,
    seed: int,
    *,
    every_kind: bool,
) -> None:
    """Fit what turns the maps of MODEL into probabilities, on canvases of digits at known places.

    For every polarity, scale and label that a CONFIG asks for, a logistic regression tells cells on
    ink from cells on ground. Writes the calibrations into the model, replacing older ones for the
    same maps, and prints them with the area under the ROC curve of each map.
    """
    from ..config import Config  # noqa: PLC0415 - start-up time
    from .calibrating import calibrate_model  # noqa: PLC0415 - start-up time

    click.echo(
        calibrate_model(
            model,
            [read_settings(find_config(name), Config).config for name in configs],
            every_kind=every_kind,
            data=data,
            backgrounds=backgrounds,
            count=count,
            seed=seed,
        )
    )


def _kind(path: Path) -> str:
    """Return which network a training config is for; mistakes in it are found later."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(values.get("kind", "")) if isinstance(values, dict) else ""


def _train_text(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    from .text.config import TextTrainConfig  # noqa: PLC0415 - start-up time
    from .text.training import train_text  # noqa: PLC0415 - start-up time

    settings = read_settings(path, TextTrainConfig, given).config
    return f"{train_text(settings, resume=resume)}\n{_next(settings.output)}"


def _train_digits(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    from .card import write_model  # noqa: PLC0415 - start-up time
    from .config import TrainConfig  # noqa: PLC0415 - start-up time
    from .train import train as run  # noqa: PLC0415 - start-up time

    settings = read_settings(path, TrainConfig, given).config
    card = write_model(settings, run(settings, resume=resume))
    return f"{_accuracies(card)}\n{_next(settings.output)}"


def _next(output: Path) -> str:
    return f"{output}: next, locpipe weigh {output}"


def _accuracies(card: ModelCard) -> str:
    quality = card.quality["mnist_test"]
    samples, accuracy, error = (quality[key] for key in ("samples", "accuracy", "error"))
    lines = [f"accuracy on {samples} test samples: {accuracy:.2%}, mean error {error:.4f}"]
    lines += [f"  {name}: {share:.2%}" for name, share in quality["accuracy_per_class"].items()]
    return "\n".join(lines)
