"""`locpipe render`: write rendered pictures and their boxes, to look at or to train others on."""

from pathlib import Path

import click

__all__ = ["render"]


@click.command()
@click.argument("config")
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
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value.")
def render(config: str, output: Path, count: int, start: int, overrides: tuple[str, ...]) -> None:
    """Render pictures with text, and the boxes of their words.

    CONFIG is a file or the name of a shipped one. The same config and index give the same
    picture everywhere.

    Example: locpipe render configs/render/text.yaml --count 20 --output out/render
    """
    from ..config.file import (  # noqa: PLC0415 - `--help` must not load numpy
        CONFIGS,
        find_config,
        parse_assignment,
        read_settings,
    )
    from ..training.scene_text.export import export  # noqa: PLC0415 - as above
    from ..training.scene_text.settings import RenderSettings  # noqa: PLC0415 - as above

    path = find_config(config, CONFIGS / "render")
    assignments = [parse_assignment(override) for override in overrides]
    settings = read_settings(path, RenderSettings, assignments).config
    words = export(settings, output, range(start, start + count))
    click.echo(f"{count} pictures with {words} words in {output}")
