"""Ends a worker process that a picture keeps busy for too long, and tells where it hung.

`faulthandler` waits in a thread that needs no interpreter lock, so even native code that never
returns is ended. It leaves the stack in a file, from which the parent knows what happened.
"""

import faulthandler
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..output.atomic import FULL, output_errors
from ..sources.pictures import STATE_FOLDER

__all__ = ["STAGES", "stage_where_it_hung", "time_limit", "trace_file"]

STAGES = ("load", "infer", "heatmap", "threshold", "refine", "boxes", "classify")


@contextmanager
def time_limit(seconds: float, output: Path, key: str) -> Iterator[None]:
    """End this process when the block takes longer.

    Raises:
        OutputError: the disk is full or read-only.
    """
    file = trace_file(output, key)
    with output_errors(output, FULL):
        trace = file.open("w")
    with trace:
        faulthandler.dump_traceback_later(seconds, exit=True, file=trace)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            file.unlink(missing_ok=True)


def stage_where_it_hung(output: Path, key: str) -> str | None:
    """The stage in which the time limit ended a worker; None where it did not."""
    try:
        trace = trace_file(output, key).read_text()
    except OSError:
        return None
    trace_file(output, key).unlink()
    stages = re.findall(rf"/stages/({'|'.join(STAGES)})\.py\"|/pipeline/(ocr)/", trace)
    return "".join((stages or [("load", "")])[0]).replace("ocr", "read") if trace else None


def trace_file(output: Path, key: str) -> Path:
    """Where the stack goes; the file is there, and open, while a worker works on the picture."""
    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    return output / STATE_FOLDER / "tmp" / f"running-{name}"
