"""Options that several commands share."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path

import click

from ..config.defaults import with_defaults_of_model
from ..config.file import Assignment, Settings, find_config, parse_assignment, read_settings
from ..config.sections import Config
from ..storage.urls import located, on_disk
from .logs import LogFormat, is_quiet, set_up_logging

config_argument = click.argument("config")

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, for example boxes.min_area=20; repeatable.",
)


input_option = click.option("--input", "input_", metavar="X", help="Folder, glob, picture, tar, or .txt/.jsonl/.parquet list.")  # fmt: skip
moved_option = click.option("--input", "pictures", type=click.Path(path_type=Path), metavar="X", help="Where the pictures are now, if they moved.")  # fmt: skip

_QUIET = click.option("-q", "--quiet", "level", flag_value=logging.WARNING, help="Print only warnings and errors.")  # fmt: skip
_VERBOSE = click.option("-v", "--verbose", "level", flag_value=logging.DEBUG, help="Print more, with tracebacks.")  # fmt: skip
_FORMAT = click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: one object per line.")  # fmt: skip


incomplete_option = click.option("--incomplete", is_flag=True, help="Also take files with a page that failed in the run.")  # fmt: skip


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `-q`, `-v` and `--log-format`, which set up the log before the command begins."""

    @wraps(command)
    def logged(*args: object, level: int | None, log_format: LogFormat, **kwargs: object) -> None:
        set_up_logging(level or logging.INFO, log_format)
        command(*args, **kwargs)

    return _QUIET(_VERBOSE(_FORMAT(logged)))


class RunFolder(click.Path):
    """The output of a run: a folder, or a URL if the command can read buckets."""

    def __init__(self, *, remote: bool = False) -> None:
        super().__init__(path_type=Path)
        self._remote = remote

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the folder or the URL of the run.

        Raises:
            ConfigError: the run lies in a bucket, and the command needs a folder.
        """
        del param, ctx
        return located(str(value)) if self._remote else on_disk(str(value))


def tell(text: object) -> None:
    """Print a result on stdout, unless `-q` was given."""
    if not is_quiet():
        click.echo(text)


KEYS = {
    "--input": ("input", "path"),
    "--output": ("output", "path"),
    "--workers": ("run", "workers"),
    "--scheduler": ("run", "scheduler"),
}
"""Keys that have an option of their own."""


def read_config(
    name: str, assignments: Sequence[str], given: Mapping[str, object] | None = None
) -> Settings[Config]:
    """Read a config. `--set` and then the options of the command override its values.

    Args:
        name: path, or name of a shipped config.
        assignments: values of `--set`, such as `boxes.min_area=20`.
        given: values of the options in `KEYS`; None: the option was not given.

    Raises:
        ConfigError: something in the config is wrong.
    """
    overrides = [parse_assignment(text) for text in assignments]
    for option, value in (given or {}).items():
        if value is not None:
            overrides.append(Assignment(KEYS[option], value, option))
    return with_defaults_of_model(read_settings(find_config(name), Config, overrides))
