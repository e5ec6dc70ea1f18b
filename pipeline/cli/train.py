"""`locpipe train`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import yaml

from ...stages.errors import ConfigError, ExitCode
from ..config.file import CONFIGS, Assignment, find_config, parse_assignment, read_settings
from ..training.card import write_config
from ..training.checkpoint import CHECKPOINT_FILE
from ..training.digits.config import DigitsTrainConfig
from ..training.digits.train import train_digits
from ..training.images.config import ImagesTrainConfig
from ..training.images.train import train_images
from ..training.text.config import TextTrainConfig
from ..training.text.teaching import ANSWERS_FOLDER
from ..training.text.train import train_text
from .options import config_argument, log_options, set_option, tell

SCHEMAS: Final[Mapping[str, type[DigitsTrainConfig | ImagesTrainConfig | TextTrainConfig]]] = {
    "text": TextTrainConfig,
    "images": ImagesTrainConfig,
}


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
        click.echo(_stopped(_folder(path, given), resume=resume), err=True)
        sys.exit(ExitCode.of_signal(next(iter(stopped.args), signal.SIGINT)))
    tell(report)


def _stopped(folder: Path | None, *, resume: bool) -> str:
    """Return the message for a stopped training: it says whether a checkpoint is kept."""
    if folder is None or not (folder / CHECKPOINT_FILE).is_file():
        again = [word for word in sys.argv[1:] if word != "--resume"]
        taught = folder is not None and (folder / ANSWERS_FOLDER).is_dir()
        what = "only what the teachers said is kept" if taught else "nothing is kept"
        kept = f"stopped before the first checkpoint, so {what}; begin again with"
    else:
        again = sys.argv[1:] if resume else [*sys.argv[1:], "--resume"]
        kept = f"stopped; what was done is kept in {folder / CHECKPOINT_FILE}, go on with"
    return f"{kept}: locpipe {shlex.join(again)}"


def _folder(path: Path, given: Sequence[Assignment]) -> Path | None:
    """Return the folder of a training's model; None if the config is wrong."""
    try:
        return read_settings(
            path, SCHEMAS.get(kind_of(path), DigitsTrainConfig), given
        ).config.output
    except ConfigError:
        return None


def kind_of(path: Path) -> str:
    """Return the kind of network of a training config. Its mistakes are found later."""
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
    report = train_images(settings, resume=resume)
    return f"{report}\n{write_config(settings.output)}"


def _train_digits(path: Path, given: Sequence[Assignment], *, resume: bool) -> str:
    settings = read_settings(path, DigitsTrainConfig, given).config
    return f"{train_digits(settings, resume=resume)}\n{_next(settings.output)}"


def _next(output: Path) -> str:
    return f"{output}: next, locpipe weigh {output}"
