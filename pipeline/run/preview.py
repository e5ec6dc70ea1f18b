"""`locpipe run --dry-run`: what a run would do."""

import logging
from collections.abc import Iterator

from ..config.sections import Config
from ..output.root import check_root
from ..sources.pictures import passed_over
from .depot import looked_at
from .options import Options
from .plan import make_plan
from .preflight import preflight
from .state import State

log = logging.getLogger(__name__)


def preview(config: Config, options: Options) -> Iterator[tuple[str, str]]:
    """Yield the key of every picture and what a run would do about it, changing nothing.

    At the end, the log says which files were skipped.

    Raises:
        LocpipeError: as for a run, as far as it shows without starting.
    """
    ready = preflight(config, options)
    check_root(ready.job.config.output.path, ready.pictures.root, ready.pictures.source)
    with looked_at(ready.job) as (desk, terms), State(desk, read_only=True) as state:
        make_plan(state, ready.found(), terms(ready.terms))
        left = options.limit
        for planned in state.planned():
            over = planned.todo and left == 0
            if planned.todo and left:
                left -= 1
            action = "leave" if over or not planned.todo else "process"
            yield planned.picture.key, f"{action}: {'over --limit' if over else planned.reason}"
    for told in passed_over(ready.pictures.ignored, ready.pictures.results.found):
        log.info("%s", told)
