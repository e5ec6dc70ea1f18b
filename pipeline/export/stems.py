"""File names by the stem of a picture: `a.png` for `a.jpg`, unless another file has that name."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from ..output.box_json import Page

log = logging.getLogger(__name__)


def by_stem(page: Page) -> Page:
    """Return a page with a key that lacks the suffix of its picture."""
    suffix = PurePosixPath(page.key).suffix
    return replace(page, key=page.key.removesuffix(suffix))


def shared_stems(pages: Iterable[Page]) -> frozenset[str]:
    """Return the names by stem that two pages would share, and warn of them once."""
    count: Counter[str] = Counter()
    for page in pages:
        count.update({page.name, by_stem(page).name})
    shared = frozenset(name for name, files in count.items() if files > 1)
    if shared:
        log.warning(
            "%d names without suffix belong to several pictures (such as %r); their masks keep the suffix: a.jpg.png; "
            "rename pictures if a program wants one name for both",
            len(shared),
            min(shared),
        )
    return shared
