"""`locpipe render`: write rendered pictures and their boxes, to look at or for training."""

from pathlib import Path

import click

from ..config.file import (
    CONFIGS,
    find_config,
    parse_assignment,
    read_settings,
)
from ..training.scene_text.export import export
from ..training.scene_text.settings import RenderSettings
from .options import config_argument, log_options, set_option, tell


@click.command()
@config_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/render"),
    show_default=True,
    help="Folder for pictures/ and boxes/.",
)
@click.option(
    "--count", type=click.IntRange(min=1), default=16, show_default=True, help="How many pictures."
)
@click.option(
    "--start", type=click.IntRange(min=0), default=0, show_default=True, help="The first index."
)
@set_option
@log_options
def render(config: str, output: Path, count: int, start: int, assignments: tuple[str, ...]) -> None:
    """Render pictures with text, and the boxes of their words.

    CONFIG is a file or the name of a shipped config. The same config and index give the same picture
    everywhere.

    Example: locpipe render configs/render/text.yaml --count 20 --output out/render
    """
    path = find_config(config, CONFIGS / "render")
    given = [parse_assignment(text) for text in assignments]
    settings = read_settings(path, RenderSettings, given).config
    words = export(settings, output, range(start, start + count))
    tell(f"{count} pictures with {words} words in {output}")
