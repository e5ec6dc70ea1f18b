"""`locpipe train`, `weigh` and `calibrate`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from ...stages.errors import ExitCode
from ..config.file import CONFIGS, Assignment, find_config, parse_assignment, read_settings

if TYPE_CHECKING:
    from ...stages.models.card import ModelCard

__all__ = ["calibrate", "train", "weigh"]


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

    CONFIG is a file, or the name of a shipped one: digits; text, whose `kind` is text; or one of
    kind `images`, which trains any network on labelled pictures: nin, heads, tutorial-gap, ….
    Checkpoints are kept, of digits after every epoch, of others every few minutes and when it is
    stopped; a training that was stopped goes on with --resume as if it never had been. Prints how
    good the model is on samples that it was not trained on. What comes next is `locpipe weigh`.
    """
    path = find_config(config, CONFIGS / "train")
    given = [parse_assignment(text) for text in assignments]
    if output is not None:
        given.append(Assignment(("output",), str(output), f"--output {output}"))
    train_it = {"text": _train_text, "images": _train_images}.get(_kind(path), _train_digits)
    try:
        report = train_it(path, given, resume=resume)
    except KeyboardInterrupt as stopped:
        again = shlex.join(sys.argv[1:] if resume else [*sys.argv[1:], "--resume"])
        click.echo(f"stopped; what was done is kept, go on with: locpipe {again}", err=True)
        sys.exit(ExitCode.of_signal(next(iter(stopped.args), signal.SIGINT)))
    click.echo(report)


@click.command(
    epilog="Example: locpipe weigh efficientnet_lite0 --data photographs --output out/models/mine"
)
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, one folder a class. "
    "For digits the four idx files of MNIST; else $LOCPIPE_DATA/mnist, else a download. "
    "For text photographs without text; else those of the training.",
)
@click.option("--weights", metavar="FILE", help="Of a backbone: a file; else torchvision's own.")
@click.option("--layer", help="Of a backbone: that is weighed; else the last convolutional stage.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="Model folder of a backbone."
)
def weigh(
    model: str, data: Path | None, weights: str | None, layer: str | None, output: Path | None
) -> None:
    """Measure the AdGAP weights of MODEL: a name, a folder, or a backbone such as resnet50.

    On labelled pictures, or the samples of the model's training: the MNIST training digits, or for
    text the positions of rendered pictures.

    Writes the tables into the model and prints how much the error of each class grows when each
    filter is blocked. Drops the calibrations, which belong to the old tables: for digits and text
    what comes next is `locpipe calibrate`; others are used with `heatmap.normalize: minmax`.
    """
    from ..training.images.weigh import source_of, weigh_folder  # noqa: PLC0415 - start-up time

    source = source_of(model, weights, layer)
    folder = _text_folder(model) if isinstance(source, Path) else None
    if folder is None and (not isinstance(source, Path) or _is_labelled(data)):
        click.echo(weigh_folder(source, data, output))
        return
    if folder is not None:
        from ..training.text.weighing import weigh_text  # noqa: PLC0415 - start-up time

        click.echo(weigh_text(folder, data))
        return
    from ..training.digits.weighing import weigh_model  # noqa: PLC0415 - start-up time

    click.echo(weigh_model(model, data))


@click.command(
    epilog="Example: locpipe calibrate digits --config text-lenet --all "
    "--backgrounds photographs --data mnist"
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
    help="For digits the four idx files of MNIST; else $LOCPIPE_DATA/mnist, else a download.",
)
@click.option(
    "--backgrounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Photographs without text; every fifth by name is left alone, for measuring. "
    "Without them photographs light up more often.",
)
@click.option(
    "--canvases",
    "count",
    type=click.IntRange(min=3),
    default=192,
    show_default=True,
    help="Pictures to make.",
)
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
    """Fit what turns the maps of MODEL into probabilities, on pictures made for it.

    For every polarity, scale and label that a CONFIG asks for, a logistic regression tells cells on
    ink from cells on ground: on canvases of digits at known places, or for a model of text on
    rendered pictures, where 0.5 then becomes the threshold that finds words best. Writes the
    calibrations into the model, replacing older ones for the same maps, and prints them.
    """
    from ..config.sections import Config  # noqa: PLC0415 - start-up time

    settings = [read_settings(find_config(name), Config).config for name in configs]
    folder = _text_folder(model)
    if folder is not None:
        from ..training.text.calibrating import calibrate_text  # noqa: PLC0415 - start-up time

        report = calibrate_text(
            folder,
            settings,
            every_kind=every_kind,
            backgrounds=backgrounds,
            count=count,
            seed=seed,
        )
    else:
        from ..training.digits.calibrating import calibrate_model  # noqa: PLC0415 - start-up time

        report = calibrate_model(
            model,
            settings,
            every_kind=every_kind,
            data=data,
            backgrounds=backgrounds,
            count=count,
            seed=seed,
        )
    click.echo(report)


def _is_labelled(data: Path | None) -> bool:
    """Say whether there are pictures in folders, and not the files of MNIST."""
    return data is not None and data.is_dir() and not any(data.glob("*-ubyte*"))


def _text_folder(model: str) -> Path | None:
    """Return the folder of a model of text; None if it is another."""
    from ...stages.models.loading import find_model, read_card  # noqa: PLC0415 - start-up time

    folder = find_model(model)
    return folder if read_card(folder).architecture == "text" else None


def _kind(path: Path) -> str:
    """Return which network a training config is for; mistakes in it are found later."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(values.get("kind", "")) if isinstance(values, dict) else ""


def _train_text(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    from ..training.text.config import TextTrainConfig  # noqa: PLC0415 - start-up time
    from ..training.text.training import train_text  # noqa: PLC0415 - start-up time

    settings = read_settings(path, TextTrainConfig, given).config
    return f"{train_text(settings, resume=resume)}\n{_next(settings.output)}"


def _train_images(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    from ..training.images.config import ImagesTrainConfig  # noqa: PLC0415 - start-up time
    from ..training.images.training import train_images  # noqa: PLC0415 - start-up time

    settings = read_settings(path, ImagesTrainConfig, given).config
    report, output = train_images(settings, resume=resume), settings.output
    again = f"locpipe weigh {output} --data FOLDER measures its weights on more pictures"
    return f"{report}\n{output}: it runs as it is (heatmap.weights: linear are its own); {again}"


def _train_digits(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    from ..training.card import write_model  # noqa: PLC0415 - start-up time
    from ..training.digits.config import TrainConfig  # noqa: PLC0415 - start-up time
    from ..training.digits.train import train as run  # noqa: PLC0415 - start-up time

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
