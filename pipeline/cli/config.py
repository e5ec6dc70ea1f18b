"""`locpipe config`."""

import json
import os

import click

from ..config.file import CONFIGS, show_settings
from ..config.sections import Config
from ..run.options import Options
from ..run.preflight import check_model, preflight
from .options import config_argument, log_options, read_config, set_option, tell


@click.group(epilog="Example: locpipe config show text --set boxes.min_area=20")
def config() -> None:
    """Show and check a config, or print its schema."""


@config.command(epilog="Example: locpipe config show text --set boxes.min_area=20")
@config_argument
@set_option
@log_options
def show(config: str, assignments: tuple[str, ...]) -> None:
    """Print the effective config, with the origin of every value."""
    click.echo(show_settings(read_config(config, assignments)), nl=False)


@config.command(epilog="Example: locpipe config check my.yaml")
@config_argument
@set_option
@log_options
def check(config: str, assignments: tuple[str, ...]) -> None:
    """Check a config, its model and its pictures before a run.

    A config need not say where the pictures are; shipped configs do not. Then only the rest is
    checked, and a run needs `--input`.
    """
    settings = read_config(config, assignments)
    checked, origin = settings.config, settings.origins.get(("input", "path"), "")
    left_open = not origin or origin.startswith(f"{CONFIGS}{os.sep}")
    if left_open and not checked.input.path.exists():
        check_model(checked)
    else:
        preflight(checked, Options())
    tell(f"{config}\tok\t{checked.sha256()}")


@config.command(epilog="Example: locpipe config schema > locpipe.schema.json")
@log_options
def schema() -> None:
    """Print the JSON Schema of a config; editors use it for completion."""
    click.echo(json.dumps(Config.model_json_schema(), indent=2))
