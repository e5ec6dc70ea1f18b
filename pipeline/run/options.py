"""The options of a run beside its config."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..output.parts import InputPart


@dataclass(frozen=True)
class Options:
    """See `locpipe run --help`.

    Attributes:
        limit: largest number of pictures to process; None: all.
        retry_failed: try all failed pictures again, however often they failed.
        force: process all pictures again.
        require_input: end with exit code 4 when there is no picture.
        progress: whether to draw a progress bar.
        part: part of the input to process; None: all of it.
        since: skip pictures that were last changed before, in nanoseconds since 1970; None: skip
            none.
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
