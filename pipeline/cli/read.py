"""`locpipe read`."""

import json
import logging
import sys
from pathlib import Path

import click

from ..config.sections import RunConfig
from ..ocr.engines import ENGINES
from ..ocr.run import ReadOptions, execute, one_line
from ..ocr.settings import UNITS, ReadConfig, checked
from .options import RunFolder, incomplete_option, log_options, moved_option

log = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  locpipe run text --input photos --output results && locpipe read results
  locpipe read results --engine tesseract --lang eng+deu
  locpipe read scans --unit line
  locpipe read results --engine rapidocr --workers 4

\b
Exit codes: 0 all read or nothing to do, 2 not a finished run, or engine or language missing,
3 some pages could not be read (see read-failures.jsonl), 6 output not writable, 75 another run is at
work there, 130/143 stopped by a signal, 1 internal error."""


@click.command(epilog=EPILOG)
@click.argument("run", type=RunFolder())
@click.option("--engine", type=click.Choice(ENGINES), default="tesseract", show_default=True, help="Which program reads.")  # fmt: skip
@click.option("--unit", type=click.Choice(UNITS), default="auto", show_default=True, help="What the engine reads at a time: a box, or a line of boxes (tesseract only); auto: by the page.")  # fmt: skip
@click.option("--lang", "language", metavar="L", help="Language of the engine.  [default: eng, or ch for rapidocr]")  # fmt: skip
@click.option("--min-confidence", type=click.FloatRange(0, 1), help="Text that is read with less does not count.")  # fmt: skip
@moved_option
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="Worker processes; 0: in this process.")  # fmt: skip
@click.option("--scheduler", metavar="ADDR", help="Use a running Dask scheduler.")
@click.option("--timeout", type=click.FloatRange(min=1), default=120, show_default=True, help="Time limit per 64 boxes or lines, in seconds of work.")  # fmt: skip
@click.option("--force", is_flag=True, help="Read everything again.")
@incomplete_option
@click.option("--json", "as_json", is_flag=True, help="Print read.json on stdout at the end.")
@log_options
@click.pass_context
def read(
    ctx: click.Context,
    run: Path,
    engine: str,
    unit: str,
    language: str | None,
    min_confidence: float | None,
    pictures: Path | None,
    workers: int | None,
    scheduler: str | None,
    timeout: float,
    *,
    force: bool,
    incomplete: bool,
    as_json: bool,
) -> None:
    """Read the text in the boxes of a run with an OCR engine.

    RUN is the output folder of `locpipe run`. For every page, the command writes RUN/read/<picture>
    with .txt, .json (text and confidence per box and per line), .hocr and .xml (ALTO). The report is
    RUN/read.json. A second run skips pages that are read.
    """
    config = checked(
        ReadConfig, engine=engine, unit=unit, language=language, min_confidence=min_confidence
    )
    options = ReadOptions(
        pictures=pictures,
        workers=checked(RunConfig, workers=workers, scheduler=scheduler, timeout=timeout),
        force=force,
        incomplete=incomplete,
        progress=sys.stderr.isatty(),
    )
    report = execute(run, config, options)
    log.info("%s", one_line(report))
    if as_json:
        click.echo(json.dumps(report))
    ctx.exit(report["exit_code"])
