"""`locpipe status`."""

import json
from pathlib import Path

import click

from ..run.status import status as status_of
from ..run.status import told
from .options import RunFolder, log_options

EPILOG = """\b
Examples:
  locpipe status results
  locpipe status results --json
  locpipe status s3://bucket/results

\b
Exit codes: 0 told, 2 not a run, or of another version, 6 its lock cannot be opened."""


@click.command(epilog=EPILOG)
@click.argument("run", type=RunFolder(remote=True))
@click.option(
    "--json", "as_json", is_flag=True, help="Print run.json, with the state as it is now."
)
@log_options
def status(run: Path, *, as_json: bool) -> None:
    """Print the progress of a run, also while it is working.

    RUN is the output of `locpipe run`, a folder or a URL.
    """
    report = status_of(run)
    click.echo(json.dumps(report) if as_json else told(report))
