"""`locpipe fetch`."""

import logging
from pathlib import Path

import click

from ...stages.errors import ConfigError
from ..run.fetch import fetch as copy
from ..storage.urls import RemotePath, located
from .options import log_options, tell

log = logging.getLogger(__name__)

EPILOG = """\b
Examples:
  locpipe fetch s3://bucket/results results
  locpipe report results

\b
Exit codes: 0 copied, 2 not a run, or the bucket cannot be read, 6 the folder cannot be written,
75 a run is at work there."""


@click.command(epilog=EPILOG)
@click.argument("url")
@click.argument("folder", type=click.Path(path_type=Path))
@log_options
def fetch(url: str, folder: Path) -> None:
    """Copy a run from a bucket to a folder, for commands that need a folder.

    URL is the output of `locpipe run`. A second call copies new results, and removes results that
    are gone from the bucket. To merge parts in a bucket, copy them and merge the copy.
    """
    place = located(url)
    if not isinstance(place, RemotePath) or place.parts[0].startswith("http"):
        msg = f"{url}: lies in no bucket; give a URL like s3://BUCKET/FOLDER, or use the folder as it is"
        raise ConfigError(msg)
    counts = copy(place, folder)
    log.info("%s", ", ".join(f"{count} files {word}" for word, count in counts.items()))
    tell(folder)
