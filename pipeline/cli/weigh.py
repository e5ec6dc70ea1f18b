"""`locpipe weigh`."""

from pathlib import Path

import click

from ...stages.models.loading import read_card
from ..training.digits.weigh import weigh_digits
from ..training.images.weigh import source_of, weigh_folder
from ..training.text.card import is_text
from ..training.text.weigh import weigh_text
from .options import log_options, tell


@click.command(
    epilog="Example: locpipe weigh efficientnet_lite0 --data photographs --output out/models/mine"
)
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Labelled pictures, one folder per class. "
    "For digits: the four idx files of MNIST (default: $LOCPIPE_DATA/mnist, or a download). "
    "For text: photographs without text (default: those of the training).",
)
@click.option(
    "--weights",
    metavar="FILE",
    help="File with the weights of a backbone (default: torchvision's own).",
)
@click.option(
    "--layer", help="Layer of a backbone to weigh (default: the last convolutional stage)."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the model folder of a backbone goes.",
)
@log_options
def weigh(
    model: str, data: Path | None, weights: str | None, layer: str | None, output: Path | None
) -> None:
    """Measure the AdGAP weights of MODEL: a name, a folder, or a backbone such as resnet50.

    The weights are measured on labelled pictures, or on samples of the model's training. For digits
    these are the MNIST training digits, for text the positions of rendered pictures.

    The command writes the tables into the model. It prints how much the error of each class grows
    when each filter is blocked. It drops the calibrations, since they belong to the old tables. For
    digits and text the next step is `locpipe calibrate`. Use other models with
    `heatmap.normalize: minmax`.
    """
    source = source_of(model, weights, layer)
    if isinstance(source, Path) and is_text(read_card(source)):
        report = weigh_text(source, data)
    elif not isinstance(source, Path) or _is_labelled(data):
        report = weigh_folder(source, data, output)
    else:
        report = weigh_digits(model, data)
    tell(report)


def _is_labelled(data: Path | None) -> bool:
    """Say whether the data are pictures in folders, not the files of MNIST."""
    return data is not None and data.is_dir() and not any(data.glob("*-ubyte*"))
