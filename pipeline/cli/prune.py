"""`locpipe prune`."""

import logging
from collections.abc import Sequence
from pathlib import Path

import click

from ...stages.errors import ConfigError
from ..export import formats
from ..export.write import export
from ..ocr import worker as ocr
from ..output.archive import FinishedRun, open_run, read_report
from ..output.box_json import Page
from ..output.layout import prepare_output, remove_page, sweep
from ..output.lock import locked
from ..output.shards import has_shards
from ..run.shard_keeper import keeper_of
from ..run.state import State
from ..sources.members import exists
from ..storage.urls import RemotePath
from .options import RunFolder, log_options, tell

log = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  locpipe prune results
  locpipe prune results --yes

\b
Exit codes: 0 removed, or nothing to remove, 1 not confirmed, 2 not a run, unfinished, or no picture is there,
6 not writable, 75 a run is at work."""


@click.command(epilog=EPILOG)
@click.argument("run", type=RunFolder())
@click.option("--yes", is_flag=True, help="Do not ask.")
@log_options
def prune(run: Path, *, yes: bool) -> None:
    """Remove the results of pictures that are gone.

    RUN is the output folder of `locpipe run`. The command lists the pictures and asks first. It
    removes only their masks, boxes, overlays, heatmaps, texts and exports.
    """
    opened = open_run(run, incomplete=True)
    with locked(run):
        prepare_output(run)
        sweep(run)
        gone = _gone(opened)
        for page in gone:
            tell(repr(page.name))
        if not gone:
            log.info("nothing to remove: all pictures are there")
            return
        if not yes:
            question = f"Remove the results of these {len(gone)} pages?"
            click.confirm(question, abort=True, err=True)
        _remove(opened, gone)
    log.info("results of %d pages removed", len(gone))


def _gone(run: FinishedRun) -> list[Page]:
    """Return the pages whose picture is gone.

    Raises:
        ConfigError: all pictures are gone (the disk may not be mounted); or they lie in a bucket.
    """
    if isinstance(run.root, RemotePath):
        msg = (
            f"{run.folder}: its pictures lie at {run.root}, where prune does not look; remove the results "
            "of those that are gone by hand"
        )
        raise ConfigError(msg)
    pages = 0
    gone = []
    for page in run.pages():
        pages += 1
        if not exists(run.root / page.key):
            gone.append(page)
    if gone and len(gone) == pages:
        msg = (
            f"{run.folder}: no picture of this run is left at {run.root}; mount the disk they are on, or "
            "remove the whole folder if its results are of no use"
        )
        raise ConfigError(msg)
    return gone


def _remove(run: FinishedRun, gone: Sequence[Page]) -> None:
    output = run.folder.absolute()
    keeper = keeper_of(output, read_report(output)) if has_shards(output) else None
    with State(output, keeper=keeper) as state:
        state.forget({page.key for page in gone})
        state.tidy()
    for page in gone:
        formats.remove(output, page.key, page.name)
        ocr.remove(output, page.name)
        remove_page(output, page.key, page.page)
    if wanted := read_report(output)["config"]["output"]["exports"]:
        export(run, wanted, only_missing=True)  # also the files about all pictures
