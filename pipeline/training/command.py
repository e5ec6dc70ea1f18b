"""`locpipe train`, `weigh` and `calibrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..configfile import Assignment, find_config, parse_assignment, read_settings

if TYPE_CHECKING:
    from ...stages.model import ModelCard
    from .config import TrainConfig

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
    settings = _settings(config, assignments, output)
    from .card import write_model  # noqa: PLC0415 - start-up time
    from .train import train as run  # noqa: PLC0415 - start-up time

    try:
        card = write_model(settings, run(settings, resume=resume))
    except KeyboardInterrupt:
        again = " ".join(sys.argv[1:] if resume else [*sys.argv[1:], "--resume"])
        click.echo(f"stopped; the last checkpoint is kept, go on with: locpipe {again}", err=True)
        sys.exit(_INTERRUPTED)
    click.echo(_accuracies(card))
    click.echo(f"{settings.output}: next, locpipe weigh {settings.output}")


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


def _settings(config: str, assignments: tuple[str, ...], output: Path | None) -> TrainConfig:
    from ..configfile import CONFIGS  # noqa: PLC0415 - start-up time
    from .config import TrainConfig  # noqa: PLC0415 - start-up time

    given = [parse_assignment(text) for text in assignments]
    if output is not None:
        given.append(Assignment(("output",), str(output), f"--output {output}"))
    return read_settings(find_config(config, CONFIGS / "train"), TrainConfig, given).config


def _accuracies(card: ModelCard) -> str:
    quality = card.quality["mnist_test"]
    samples, accuracy, error = (quality[key] for key in ("samples", "accuracy", "error"))
    lines = [f"accuracy on {samples} test samples: {accuracy:.2%}, mean error {error:.4f}"]
    lines += [f"  {name}: {share:.2%}" for name, share in quality["accuracy_per_class"].items()]
    return "\n".join(lines)
