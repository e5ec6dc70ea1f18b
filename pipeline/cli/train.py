"""`locpipe train`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import yaml

from ...stages.errors import ExitCode
from ..config.file import CONFIGS, Assignment, find_config, parse_assignment, read_settings
from ..training.digits.config import DigitsTrainConfig
from ..training.digits.train import train_digits
from ..training.images.config import ImagesTrainConfig
from ..training.images.train import train_images
from ..training.text.config import TextTrainConfig
from ..training.text.train import train_text
from .options import config_argument, log_options, set_option, tell


@click.command(
    epilog="Example: locpipe train configs/train/digits.yaml --set seed=2 --output out/digits2"
)
@config_argument
@set_option
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the model."
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, if there is one.")
@log_options
def train(config: str, assignments: tuple[str, ...], output: Path | None, *, resume: bool) -> None:
    """Train a classifier as CONFIG says, and write it as a model folder.

    CONFIG is a file or the name of a shipped config: digits, text, or one of `kind: images` (nin,
    heads, tutorial-gap, …). `kind: images` trains any network on labelled pictures.

    The command keeps checkpoints: for digits after every epoch, for others every few minutes and
    when it is stopped. With --resume a stopped training goes on as if it had never stopped.

    At the end it prints how good the model is on samples that it was not trained on. The next step
    is `locpipe weigh`.
    """
    path = find_config(config, CONFIGS / "train")
    given = [parse_assignment(text) for text in assignments]
    if output is not None:
        given.append(Assignment(("output",), str(output), f"--output {output}"))
    train_it = {"text": _train_text, "images": _train_images}.get(kind_of(path), _train_digits)
    try:
        report = train_it(path, given, resume=resume)
    except KeyboardInterrupt as stopped:
        again = shlex.join(sys.argv[1:] if resume else [*sys.argv[1:], "--resume"])
        click.echo(f"stopped; what was done is kept, go on with: locpipe {again}", err=True)
        sys.exit(ExitCode.of_signal(next(iter(stopped.args), signal.SIGINT)))
    tell(report)


def kind_of(path: Path) -> str:
    """Return which network a training config is for; mistakes in it are found later."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(values.get("kind", "")) if isinstance(values, dict) else ""


def _train_text(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    settings = read_settings(path, TextTrainConfig, given).config
    return f"{train_text(settings, resume=resume)}\n{_next(settings.output)}"


def _train_images(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    settings = read_settings(path, ImagesTrainConfig, given).config
    report, output = train_images(settings, resume=resume), settings.output
    again = f"locpipe weigh {output} --data FOLDER measures its weights on more pictures"
    return f"{report}\n{output}: it runs as it is (heatmap.weights: linear are its own); {again}"


def _train_digits(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    settings = read_settings(path, DigitsTrainConfig, given).config
    return f"{train_digits(settings, resume=resume)}\n{_next(settings.output)}"


def _next(output: Path) -> str:
    return f"{output}: next, locpipe weigh {output}"
