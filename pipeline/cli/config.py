"""`locpipe config`."""

import json

import click

from ...stages.models.loading import find_model, read_card
from ..config.file import show_settings
from ..config.sections import Config
from .options import config_argument, log_options, read_config, set_option, tell


@click.group(epilog="Example: locpipe config show text --set boxes.min_area=20")
def config() -> None:
    """Show and check a config, or print its schema."""


@config.command(epilog="Example: locpipe config show text --set boxes.min_area=20")
@config_argument
@set_option
def show(config: str, assignments: tuple[str, ...]) -> None:
    """Print the effective config, with the origin of every value."""
    click.echo(show_settings(read_config(config, assignments)), nl=False)


@config.command(epilog="Example: locpipe config check my.yaml")
@config_argument
@set_option
@log_options
def check(config: str, assignments: tuple[str, ...]) -> None:
    """Check a config, and whether its model can do what it asks for."""
    checked = read_config(config, assignments).config
    read_card(find_model(checked.source)).supports(checked)
    tell(f"{config}\tok\t{checked.sha256()}")


@config.command(epilog="Example: locpipe config schema > locpipe.schema.json")
def schema() -> None:
    """Print the JSON Schema of a config; editors use it for completion."""
    click.echo(json.dumps(Config.model_json_schema(), indent=2))
