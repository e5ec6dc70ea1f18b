"""The pages of a run, by the names of their ground truth."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ...stages.errors import ConfigError
from ..output.box_json import Page, read_page
from ..output.layout import result_path
from ..output.shards import has_shards, shard_pages
from .overlaps import Polygon


def stem_of_page(page: Page) -> str:
    """Return the picture's name without folder and extension, from page 2 on with `.page-2`."""
    return PurePosixPath(page.key).stem + (f".page-{page.page}" if page.page > 1 else "")


def polygons_of(page: Page) -> list[Polygon]:
    """Return the corners of every box, float64 [k, 2] in pixels of the upright page."""
    return [np.array(box.polygon, np.float64) for box in page.boxes]


def _pages_of_files(run: Path) -> Iterator[Page]:
    return (read_page(file) for file in sorted((run / "boxes").rglob("*.json")))


def read_run(run: Path) -> dict[str, Page]:
    """Read all box files of a run's output folder: the pages by stem, sorted by path.

    Raises:
        ConfigError: There are none, one is damaged, or two pictures share a stem.
    """
    pages: dict[str, Page] = {}
    files: dict[str, Path] = {}
    for page in shard_pages(run) if has_shards(run) else _pages_of_files(run):
        file = result_path(run, "boxes", page.key, page.page)
        stem = stem_of_page(page)
        if stem in pages:
            message = (
                f"{file} and {files[stem]} belong to pictures of the same name, and ground truth "
                "goes by name; evaluate their folders one by one"
            )
            raise ConfigError(message)
        pages[stem], files[stem] = page, file
    if not pages:
        message = f"{run / 'boxes'}: no box files here; give the output folder of `locpipe run`"
        raise ConfigError(message)
    return pages
