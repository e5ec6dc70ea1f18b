"""What a run can be told besides its config."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..output.parts import InputPart


@dataclass(frozen=True)
class Options:
    """See `locpipe run --help`.

    Attributes:
        limit: pictures to do at most; None: all.
        retry_failed: try failures again, however many there were.
        force: do everything again.
        require_input: end with exit code 4 when there is no picture.
        progress: whether to draw a progress bar.
        part: of the input to do; None: all of it.
        since: leave pictures alone that were changed before, in nanoseconds since 1970; None: leave none.
        metrics: file for a Prometheus node exporter; None: none.
        argv: the command, for run.json.
    """

    limit: int | None = None
    retry_failed: bool = False
    force: bool = False
    require_input: bool = False
    progress: bool = False
    part: InputPart | None = None
    metrics: Path | None = None
    since: int | None = None
    argv: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))
