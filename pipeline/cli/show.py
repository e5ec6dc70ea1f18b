"""`locpipe show`."""

from pathlib import Path
from typing import Final

import click

from ...stages.localize import Result
from ..api import localize
from ..ocr.batches import Batches
from ..ocr.engine import Engine
from ..ocr.engines import ENGINES, EngineName
from ..ocr.settings import ReadConfig, open_engine
from ..ocr.units import readings
from ..output.figure import check, figure, save
from .options import log_options, read_config, set_option, tell

EPILOG = """\b
Examples:
  locpipe show photo.jpg
  locpipe show photo.jpg --read tesseract
  locpipe show photo.jpg --weights class,paper,linear -o figure.png
  locpipe show photo.jpg --config digits --set threshold.k=3"""

_SECONDS: Final = 120  # time limit of a reading, as in `locpipe read`


@click.command(epilog=EPILOG)
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--config", default="text", show_default=True, help="Config, as for `locpipe run`.")
@set_option
@click.option("--weights", metavar="W,…", help="Methods to draw, one row each (heatmap.weights).")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File of the figure, .png, .pdf, .svg or .jpg.  [default: PICTURE's name + .show.png]",
)
@click.option("--read", "engine", type=click.Choice(ENGINES), help="Read the boxes, and write what was read above them.")  # fmt: skip
@click.option("--page", type=click.IntRange(min=1), default=1, help="Page of a multi-page TIFF.")
@log_options
def show(
    picture: Path,
    config: str,
    assignments: tuple[str, ...],
    weights: str | None,
    output: Path | None,
    engine: EngineName | None,
    page: int,
) -> None:
    """Draw a picture, its heatmap, its mask and its boxes, for several methods side by side.

    This is the figure of the AdGAP paper. The command prints the name of the new file.
    """
    target = output or Path(f"{picture.name}.show.png")
    configs = [
        (name, read_config(config, (*assignments, *assignment)).config)
        for name, assignment in _methods(weights)
    ]
    check(target, picture)
    reader = open_engine(ReadConfig(engine=engine)) if engine else None
    results = [(name, localize(picture, config, page=page)) for name, config in configs]
    texts = [_texts(reader, result) for _, result in results] if reader else None
    save(figure(results, texts), target)
    tell(target)


def _texts(engine: Engine, result: Result) -> list[str]:
    batches = Batches(engine, _SECONDS)
    found = readings(batches, result.image.rgb, result.boxes.items, "word")
    if batches.slow:
        raise batches.slow[0]
    return [one.text if one.confidence >= engine.min_confidence else "" for one in found]


def _methods(weights: str | None) -> list[tuple[str, tuple[str, ...]]]:
    if weights is None:
        return [("picture", ())]
    return [(name, (f"heatmap.weights={name}",)) for name in weights.split(",")]
