"""`locpipe calibrate`."""

from pathlib import Path

import click

from ...stages.models.loading import find_model, read_card
from ..training.calibration import Request
from ..training.digits.calibrate import calibrate_digits
from ..training.text.calibrate import calibrate_text
from ..training.text.card import is_text
from .options import log_options, read_config, tell


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
    help="Calibrate the maps of this config of `locpipe run`; repeatable.",
)
@click.option("--all", "every_kind", is_flag=True, help="Calibrate all six kinds of weights.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="For digits: the four idx files of MNIST (default: $LOCPIPE_DATA/mnist, or a download).",
)
@click.option(
    "--backgrounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Photographs without text. Every fifth by name is left alone, for measuring. "
    "Without this option, photographs without text light up more often.",
)
@click.option(
    "--canvases",
    "count",
    type=click.IntRange(min=3),
    default=192,
    show_default=True,
    help="Pictures to make.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed makes other pictures.")  # fmt: skip
@log_options
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
    """Fit the calibrations that turn maps of MODEL into probabilities, on generated pictures.

    A logistic regression separates cells on ink from cells on ground. There is one per polarity,
    scale and label of each CONFIG. For digits, the pictures are canvases with digits at known
    places. For text, they are rendered; the calibration makes the thresholds of the config the best
    ones.

    The command prints the calibrations and writes them into the model. They replace older ones for
    the same maps.
    """
    settings = [read_config(name, ()).config for name in configs]
    request = Request(settings, every_kind, backgrounds, count, seed)
    folder = find_model(model)
    if is_text(read_card(folder)):
        tell(calibrate_text(folder, request))
    else:
        tell(calibrate_digits(folder, request, data))
