"""`locpipe report`."""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from tqdm import tqdm

from ..output.archive import open_run
from ..output.layout import prepare_output
from ..output.lock import locked
from ..report.entries import Entry
from ..report.write import write_report
from .logs import is_quiet
from .options import RunFolder, log_options, moved_option, tell

log = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  locpipe report results
  locpipe report results --embed
  locpipe report results --input where/the/pictures/are/now

\b
Exit codes: 0 written, 2 not a run, damaged, or too many pictures for --embed, 6 not writable,
75 a run is at work."""


@click.command(epilog=EPILOG)
@click.argument("run", type=RunFolder())
@click.option("--embed", is_flag=True, help="Write one file to forward, RUN/report.html, with the thumbnails inside; up to 500 pictures.")  # fmt: skip
@moved_option
@log_options
def report(run: Path, pictures: Path | None, *, embed: bool) -> None:
    """Write a page that shows the results of a run in a browser.

    RUN is the output folder of `locpipe run`, also of a run that was stopped. The command prints the
    file to open, RUN/report/index.html. It needs no server and no network.
    """
    opened = open_run(run, pictures, incomplete=True, as_it_is=True)
    prepare_output(run)
    with locked(run):
        written = write_report(opened, embed=embed, watch=_with_bar)
    if written.missing:
        log.warning("%d pictures cannot be shown (moved, changed or damaged); their boxes are; say with --input where the pictures lie now", written.missing)  # fmt: skip
    tell(written.file)


def _with_bar(entries: Iterable[Entry]) -> Iterable[Entry]:
    hidden = is_quiet() or not sys.stderr.isatty()
    return tqdm(entries, unit=" pictures", disable=hidden, smoothing=0)
