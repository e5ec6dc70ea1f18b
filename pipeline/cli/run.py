"""`locpipe run`."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...stages.errors import ExitCode
from ...stages.settings import OFFLINE
from ..config.sections import Config
from ..output.parts import InputPart
from ..run.hints import hints
from ..run.options import Options
from ..run.preview import preview
from ..run.run import execute
from ..run.since import moment_of
from ..run.summary import one_line
from .options import config_argument, input_option, log_options, read_config, set_option

if TYPE_CHECKING:
    from ..picture.process import Exporter

log = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  locpipe run text --input photos --output results
  locpipe run my.yaml --set boxes.min_area=20 --workers 4
  locpipe run text --input list.txt --dry-run
  locpipe run text --input photos --output results --part 3/8

\b
Exit codes: 0 all done or nothing to do, 2 usage or config, 3 some pictures failed (see
failures.jsonl) or boxes.max cut boxes, 4 no picture and --require-input, 5 model, 6 output not writable,
75 another run is at work there, 130/143 stopped by a signal, 1 internal error."""


@click.command(epilog=EPILOG)
@config_argument
@set_option
@input_option
@click.option("--output", metavar="DIR", help="Where results go.")
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Process at most N pictures."
)
@click.option("--dry-run", is_flag=True, help="Print what would be done and why; do nothing.")
@click.option("--workers", type=int, metavar="N", help="Worker processes; 0: in this process.")
@click.option("--scheduler", metavar="ADDR", help="Use a running Dask scheduler.")
@click.option(
    "--retry-failed", is_flag=True, help="Try all failed pictures again, however often they failed."
)
@click.option("--force", is_flag=True, help="Do everything again.")
@click.option("--require-input", is_flag=True, help="Exit with 4 if there is no picture.")
@click.option("--offline", is_flag=True, help="Use no network: no weights of a backbone, no URLs.")  # fmt: skip
@click.option("--part", metavar="K/N", help="Do part K of N parts, beside runs that do the others.")
@click.option("--since", metavar="WHEN", help="Leave older pictures alone: 2026-11-28, 2026-11-28T14:00, or 2d, 12h, 90m ago.")  # fmt: skip
@click.option("--metrics", type=click.Path(path_type=Path), metavar="FILE", help="Write metrics for Prometheus at the end.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print run.json on stdout at the end.")
@log_options
@click.pass_context
def run(
    ctx: click.Context,
    config: str,
    assignments: tuple[str, ...],
    input_: str | None,
    output: str | None,
    limit: int | None,
    workers: int | None,
    scheduler: str | None,
    part: str | None,
    since: str | None,
    metrics: Path | None,
    *,
    dry_run: bool,
    retry_failed: bool,
    force: bool,
    require_input: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Find text or objects on pictures; write masks, boxes and a report.

    CONFIG is a file or the name of a shipped config. A second run skips finished pictures.
    """
    given = {"--input": input_, "--output": output, "--workers": workers, "--scheduler": scheduler}
    settings = read_config(config, assignments, given)
    if input_ is not None and output is None:
        origin = settings.origins.get(("output", "path"), "the default")
        path = settings.config.output.path
        log.info("results go to %s (%s); --output DIR chooses another folder", path, origin)
    if offline:
        os.environ[OFFLINE] = "1"  # workers of our own inherit it
    options = Options(
        limit=limit,
        retry_failed=retry_failed,
        force=force,
        require_input=require_input,
        progress=sys.stderr.isatty(),
        part=None if part is None else InputPart.parse(part),
        metrics=metrics,
        since=None if since is None else moment_of(since, datetime.now(UTC)),
    )
    if dry_run:
        for key, decision in preview(settings.config, options):
            click.echo(f"{decision}: {key!r}")
        return
    report = execute(settings.config, options, _exports)
    for hint in hints(report):
        log.info("%s", hint)
    loud = logging.WARNING if report["cut_by_boxes_max"]["boxes"] else logging.INFO
    log.log(loud, "%s", one_line(report))
    if report["exit_code"] == ExitCode.NO_PICTURE:
        log.error("no picture at %s (--require-input)", settings.config.input.path)
    if as_json:
        click.echo(json.dumps(report))
    ctx.exit(report["exit_code"])


def _exports(config: Config) -> Exporter:
    # Late: it imports OpenCV, which a run with nothing to do does not need.
    from ..export.write import RunExports  # noqa: PLC0415

    return RunExports(config)
