"""`locpipe models`."""

import click

from ...stages.models.loading import find_model, list_models, read_card, verify_model

__all__ = ["models"]


@click.group(epilog="Example: locpipe models verify digits")
def models() -> None:
    """List, show and verify the models."""


@models.command("list", epilog="Example: locpipe models list")
def list_() -> None:
    """Print name and description of every shipped model."""
    for folder in list_models():
        click.echo(f"{folder.name}\t{read_card(folder).description}")


@models.command(epilog="Example: locpipe models show digits")
@click.argument("model")
def show(model: str) -> None:
    """Print what a model is: its model.yaml. MODEL is a name or a folder."""
    folder = find_model(model)
    read_card(folder)
    click.echo((folder / "model.yaml").read_text(encoding="utf-8"), nl=False)


@models.command(epilog="Example: locpipe models verify digits")
@click.argument("model", nargs=-1)
def verify(model: tuple[str, ...]) -> None:
    """Check the files of models against their sha256; of all shipped ones if none is named."""
    for folder in [find_model(name) for name in model] or list_models():
        click.echo(f"{folder.name}\tok\t{verify_model(folder)}")


@models.command(epilog="Example: locpipe models backbones resnet50 vgg16")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def backbones(names: tuple[str, ...]) -> None:
    """Print a table of the classifiers that `model: {backbone: NAME}` takes; of all if none is named.

    The layer that is found to give F, its maps, pixels a cell and field of view; none where the
    last stage is attention, which has no maps of filters. No weights are needed.
    """
    from ...stages.nets.backbones import backbone_names, rows  # noqa: PLC0415 - slow to import

    click.echo("| backbone | layer | maps | stride | field of view |\n|---|---|---|---|---|")
    for row in rows(names or backbone_names()):
        found = (row.layer, row.channels, row.stride, row.receptive_field)
        none = (f"none: attention ({', '.join(row.attention)})", "", "", "")
        cells = none if row.attention else found
        click.echo(f"| {row.name} | {' | '.join(map(str, cells))} |")
