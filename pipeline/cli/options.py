"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..config.file import Settings
    from ..config.sections import Config

__all__ = ["config_argument", "read_config", "set_option"]

config_argument = click.argument("config")

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, for example boxes.min_area=20; repeatable.",
)


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
    """Read the config of that name, with `--set` and then the options of the command applied.

    Args:
        name: path, or name of a shipped config.
        assignments: what `--set` was given.
        given: values of the options in `KEYS`; None was not given.

    Raises:
        ConfigError: something about it is wrong.
    """
    from ..config.file import (  # noqa: PLC0415 - slow to import
        Assignment,
        find_config,
        parse_assignment,
        read_settings,
    )
    from ..config.sections import Config  # noqa: PLC0415 - slow to import

    overrides = [parse_assignment(text) for text in assignments]
    for option, value in (given or {}).items():
        if value is not None:
            overrides.append(Assignment(KEYS[option], value, option))
    return read_settings(find_config(name), Config, overrides)
