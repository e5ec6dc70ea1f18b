"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..config import Config
    from ..configfile import Settings

__all__ = ["config_argument", "read_config", "set_option"]

config_argument = click.argument("config")

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, for example boxes.min_area=20; repeatable.",
)


def read_config(
    name: str, assignments: Sequence[str], options: Mapping[str, tuple[str, object]] | None = None
) -> Settings[Config]:
    """Read the config of that name, with `--set` and then the options of the command applied.

    Args:
        name: path, or name of a shipped config.
        assignments: what `--set` was given.
        options: option and value by dotted key; values of None were not given.

    Raises:
        ConfigError: something about it is wrong.
    """
    from ..config import Config  # noqa: PLC0415 - slow to import
    from ..configfile import (  # noqa: PLC0415 - slow to import
        Assignment,
        find_config,
        parse_assignment,
        read_settings,
    )

    given = [parse_assignment(text) for text in assignments]
    for key, (option, value) in (options or {}).items():
        if value is not None:
            given.append(Assignment(tuple(key.split(".")), value, option))
    return read_settings(find_config(name), Config, given)
