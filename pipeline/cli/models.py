"""`locpipe models`."""

import click

from ...stages.models.loading import find_model, list_models, read_card, verify_model
from ...stages.paths import DATA
from ..run.summary import version_of
from .options import log_options, tell


@click.group(epilog="Example: locpipe models verify digits")
def models() -> None:
    """List, show and verify the models."""


@models.command("list", epilog="Example: locpipe models list")
@log_options
def list_() -> None:
    """Print name and description of every shipped model."""
    for folder in list_models():
        click.echo(f"{folder.name}\t{read_card(folder).description}")


@models.command(epilog="Example: locpipe models show digits")
@click.argument("model")
@log_options
def show(model: str) -> None:
    """Print the model.yaml of a model. MODEL is a name or a folder."""
    folder = find_model(model)
    read_card(folder)
    click.echo((folder / "model.yaml").read_text(encoding="utf-8"), nl=False)


@models.command(epilog="Example: locpipe models verify digits")
@click.argument("model", nargs=-1)
@log_options
def verify(model: tuple[str, ...]) -> None:
    """Check the files of models against their sha256. Without a name, check all shipped models."""
    for folder in [find_model(name) for name in model] or list_models():
        tell(f"{folder.name}\tok\t{verify_model(folder)}")


@models.command(epilog="Example: locpipe models backbones resnet50 vgg16")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@log_options
def backbones(names: tuple[str, ...]) -> None:
    """Print which classifiers can be backbones.

    A config names one with `model: {backbone: NAME}`. Without a name, print all. The columns are the layer that gives F, its number of maps, pixels per cell and field of view.
    A classifier that ends in attention has no such layer. The command needs no weights.
    """
    known = _known_backbones()
    if not known.keys() >= set(names) or not known:
        from ...stages.nets.backbones import backbone_names, rows  # noqa: PLC0415 - slow to import

        known = {row.name: row.cells() for row in rows(names or backbone_names())}
    click.echo("| backbone | layer | maps | stride | field of view |\n|---|---|---|---|---|")
    for name in names or known:
        click.echo(f"| {name} | {' | '.join(known[name])} |")


def _known_backbones() -> dict[str, list[str]]:
    """Return the rows of the shipped table by name; none for another version of torchvision.

    The table saves a minute of work. It is the same for one version of torchvision.
    """
    version, *lines = (DATA / "backbones.tsv").read_text("utf-8").splitlines()
    if version != f"# torchvision {version_of('torchvision')}":
        return {}
    return {name: cells for name, *cells in (line.split("\t") for line in lines)}
