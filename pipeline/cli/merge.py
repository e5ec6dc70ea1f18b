"""`locpipe merge`."""

import json
import logging
from pathlib import Path

import click

from ..export.write import RunExports
from ..run.merge import merge as merge_parts
from ..run.summary import one_line
from .options import RunFolder, log_options

log = logging.getLogger(__name__)

EPILOG = """\b
Example:
  locpipe run text --input photos --output results --part 1/2
  locpipe run text --input photos --output results --part 2/2
  locpipe merge results

\b
Exit codes: 0 all done, 2 no parts, or one is missing, not finished or of another config, 3 some pictures failed,
6 not writable, 75 a part or another run is at work."""


@click.command(epilog=EPILOG)
@click.argument("output", type=RunFolder())
@click.option("--json", "as_json", is_flag=True, help="Print run.json on stdout at the end.")
@log_options
@click.pass_context
def merge(ctx: click.Context, output: Path, *, as_json: bool) -> None:
    """Join the parts of `locpipe run --part K/N` into one run.

    OUTPUT is the folder of the results. It gets one run.json, one failures.jsonl and one state.
    """
    report = merge_parts(output, RunExports)
    log.info("%d parts: %s", report["parts"], one_line(report))
    if as_json:
        click.echo(json.dumps(report))
    ctx.exit(report["exit_code"])
